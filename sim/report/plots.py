"""All figures of a run: a run enters, `run.plot.crossings("darien")` or a folder of files leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.errors import DataError, Problem
from sim.report.figures.animation import animation
from sim.report.figures.arrangements import arrangements
from sim.report.figures.crossings import crossings
from sim.report.figures.differences import differences
from sim.report.figures.needs import coordination_matrix, needs_by_sector, upstream_pipeline
from sim.report.figures.policies import policy_timeline
from sim.report.figures.routes import route_map
from sim.report.figures.sankey import sankey
from sim.report.figures.stocks import who_is_where
from sim.report.needs_access import NeedsLike, needs_of
from sim.report.style import save
from sim.report.words import check_language

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from sim.report.frame import RunLike

__all__ = ["KINDS", "Plots", "plot_all", "plots_for"]

#: Every kind `travesia plot` knows, in the order it writes them.
KINDS: Final = (
    "crossings",
    "map",
    "where",
    "outcomes",
    "policies",
    "needs",
    "coordination",
    "upstream",
    "arrangements",
    "animation",
)


class Plots:
    """Figures of one run; every method returns the figure and the table it shows.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    lang : str
        ``en`` or ``es``; each method may be given another.
    """

    def __init__(self, run: RunLike, lang: str = "en") -> None:
        self.run = run
        self.lang = check_language(lang)
        self._needs: dict[str, NeedsLike] = {}

    def estimate(self, lang: str) -> NeedsLike:
        """Needs of all countries, made once for each language."""
        if lang not in self._needs:
            self._needs[lang] = needs_of(self.run, lang)
        return self._needs[lang]

    def __repr__(self) -> str:
        return f"Plots of {getattr(self.run.scenario, 'name', 'a run')}: " + ", ".join(KINDS)

    def crossings(
        self, borders: str | Sequence[str] | None = None, lang: str | None = None
    ) -> tuple[Figure, pd.DataFrame]:
        """Crossings by month with bands and observed points; see `sim.report.crossings`."""
        return crossings(self.run, borders, lang or self.lang)

    def route_map(self, period: str | None = None, lang: str | None = None) -> tuple[Figure, pd.DataFrame]:
        """Flows as widths on the map; see `sim.report.route_map`."""
        return route_map(self.run, period, lang or self.lang)

    def who_is_where(self, lang: str | None = None) -> tuple[Figure, pd.DataFrame]:
        """People on the route by country over time; see `sim.report.who_is_where`."""
        return who_is_where(self.run, lang or self.lang)

    def sankey(self, lang: str | None = None) -> tuple[Figure, pd.DataFrame]:
        """From departure to outcome; see `sim.report.sankey`."""
        return sankey(self.run, lang or self.lang)

    def policy_timeline(self, lang: str | None = None) -> tuple[Figure, pd.DataFrame]:
        """When each policy was in force; see `sim.report.policy_timeline`."""
        return policy_timeline(self.run, lang or self.lang)

    def differences(self, base: RunLike, lang: str | None = None) -> tuple[Figure, pd.DataFrame]:
        """The difference from `base`, paired by replicate; see `sim.report.differences`."""
        return differences(base, self.run, lang or self.lang)

    def needs_by_sector(
        self, country: str | None = None, lang: str | None = None
    ) -> tuple[Figure, pd.DataFrame]:
        """People in need by sector; see `sim.report.needs_by_sector`."""
        return needs_by_sector(
            self.run, country, lang=lang or self.lang, needs=self.estimate(lang or self.lang)
        )

    def coordination_matrix(
        self, country: str | None = None, lang: str | None = None
    ) -> tuple[Figure, pd.DataFrame]:
        """Sectors by mechanisms; see `sim.report.coordination_matrix`."""
        return coordination_matrix(
            self.run, country, lang=lang or self.lang, needs=self.estimate(lang or self.lang)
        )

    def upstream_pipeline(
        self, country: str | None = None, lang: str | None = None
    ) -> tuple[Figure, pd.DataFrame]:
        """People two to eight weeks upstream; see `sim.report.upstream_pipeline`."""
        return upstream_pipeline(
            self.run, country, lang=lang or self.lang, needs=self.estimate(lang or self.lang)
        )

    def arrangements(self, lang: str | None = None) -> tuple[Figure, pd.DataFrame]:
        """People covered and resources delivered under three arrangements; see `sim.report.arrangements`."""
        return arrangements(self.run, lang or self.lang)

    def animation(self, path: str | Path, lang: str | None = None) -> tuple[Path, pd.DataFrame]:
        """The map month by month as a GIF; see `sim.report.animation`."""
        return animation(self.run, path, lang or self.lang)

    def save(self, figure: Figure, path: str | Path) -> Path:
        """Write a figure with this run's provenance inside; see `sim.report.save`."""
        return save(figure, path, self.run)


def plots_for(run: RunLike) -> Plots:
    """The figures of a run; `sim.results` attaches this as ``run.plot``."""
    return Plots(run)


def drawers(run: RunLike, lang: str) -> dict[str, Callable[[], tuple[Figure, pd.DataFrame]]]:
    """How to draw each kind that is a figure."""
    plots = Plots(run, lang)
    return {
        "crossings": plots.crossings,
        "map": plots.route_map,
        "where": plots.who_is_where,
        "outcomes": plots.sankey,
        "policies": plots.policy_timeline,
        "needs": plots.needs_by_sector,
        "coordination": plots.coordination_matrix,
        "upstream": plots.upstream_pipeline,
        "arrangements": plots.arrangements,
    }


def plot_all(
    run: RunLike,
    out_dir: str | Path,
    kinds: Sequence[str] | None = None,
    lang: str = "en",
    ending: str = "png",
) -> list[Path]:
    """Write figures, each with the table it shows beside it as CSV.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    out_dir : str or Path
        Folder to write to; made if missing.
    kinds : sequence of str, optional
        Some of `KINDS`; all if not given.
    lang : str
        ``en`` or ``es``.
    ending : str
        ``png``, ``svg`` or ``pdf``.

    Returns
    -------
    list of Path
        Files written.
    """
    check_language(lang)
    wanted = list(kinds or KINDS)
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown:
        problems = [Problem(f"kind {kind!r}", expected="one of: " + ", ".join(KINDS)) for kind in unknown]
        msg = "There is no such figure."
        raise DataError(msg, problems)
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    draw = drawers(run, lang)
    for kind in dict.fromkeys(wanted):
        if kind == "animation":
            path, data = animation(run, folder / "animation.gif", lang)
        else:
            figure, data = draw[kind]()
            path = save(figure, folder / f"{kind}.{ending}", run)
        data.to_csv(folder / f"{kind}.csv", index=False)
        written += [path, folder / f"{kind}.csv"]
    return written

"""The rules on record enter; what they changed after every month, as the simulated route has it, leaves, kept in a table.

``archive/rule_effects.parquet`` holds, for each origin, border, nationality and month ahead, the change of log crossings by
the rules known at the origin (``known``) and by all rules of the record (``record``), from `calibration.mechanism`.
Forecasts learn from its past rows how much of such a change is seen in the counts. Maintenance:
``python -m calibration.effects``.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.mechanism import RuleEffect

__all__ = ["AHEAD", "RECORD", "Effects", "load_effects", "make_effects"]

AHEAD = 12
"""Months ahead that are kept; further ahead a rule is taken to have changed what it had changed by then."""

RECORD = "history/to_present"
"""Scenario with every rule on record."""

FIRST, LAST = "2021-03", "2025-12"
"""Origins that are simulated: departures of the world's table begin in July 2020 and are held after June 2024."""

FILE = Path(__file__).parent / "archive" / "rule_effects.parquet"

log = logging.getLogger(__name__)

Key = tuple[str, str]


@dataclass(frozen=True)
class Effects:
    """Changes by rules, by series, origin and month ahead.

    Parameters
    ----------
    keys : tuple of (str, str)
    origins : tuple of str
    change : float64 [series, origins, ahead]
        Log scale.
    """

    keys: tuple[Key, ...]
    origins: tuple[str, ...]
    change: NDArray[np.float64]

    def aligned(self, keys: Sequence[Key], months: Sequence[str], ahead: int) -> NDArray[np.float64]:
        """Changes `ahead` months after each month of a panel.

        Parameters
        ----------
        keys : sequence of (str, str)
        months : sequence of str
        ahead : int

        Returns
        -------
        float64 [series, months]
            0 before the first origin that was simulated and for series that are not; NaN for later origins that were not.
        """
        out = np.zeros((len(keys), len(months)))
        row = {key: i for i, key in enumerate(self.keys)}
        column = {origin: i for i, origin in enumerate(self.origins)}
        series = np.array([row.get(key, -1) for key in keys])
        known = series >= 0
        at = min(ahead, self.change.shape[2]) - 1
        for j, month in enumerate(months):
            if month in column:
                out[known, j] = self.change[series[known], column[month], at]
            elif self.origins and month > self.origins[0]:
                out[:, j] = np.nan
        return out

    def with_origin(self, origin: str, effect: RuleEffect) -> Effects:
        """The same with one more origin, or another answer for one.

        Parameters
        ----------
        origin : str
        effect : RuleEffect

        Returns
        -------
        Effects
        """
        keys = tuple(dict.fromkeys((*self.keys, *effect.keys)))
        origins = tuple(sorted({*self.origins, origin}))
        months = max(self.change.shape[2], effect.log_ratio.shape[1])
        change = np.zeros((len(keys), len(origins), months))
        held = np.ix_(
            range(len(self.keys)), [origins.index(o) for o in self.origins], range(self.change.shape[2])
        )
        change[held] = self.change
        change[: len(self.keys), :, self.change.shape[2] :] = change[
            : len(self.keys), :, self.change.shape[2] - 1 : self.change.shape[2]
        ]
        at = origins.index(origin)
        for i, key in enumerate(keys):
            change[i, at] = 0.0
            if key in effect.keys:
                own = effect.of(*key)
                change[i, at, : len(own)] = own
                change[i, at, len(own) :] = own[-1]
        return Effects(keys, origins, change)


def load_effects(which: str, file: Path = FILE) -> Effects:
    """Read the kept table.

    Parameters
    ----------
    which : str
        ``known`` or ``record``.
    file : Path

    Returns
    -------
    Effects
    """
    table = pd.read_parquet(file)
    wide = table.pivot_table(
        index=["target", "nationality", "origin"], columns="ahead", values=which, observed=True
    )
    origins = tuple(sorted(table["origin"].astype(str).unique()))
    keys = tuple(dict.fromkeys((str(t), str(n)) for t, n, _ in wide.index))
    full = wide.reindex(pd.MultiIndex.from_tuples([(*key, origin) for key in keys for origin in origins]))
    change = full.fillna(0.0).to_numpy(np.float64).reshape(len(keys), len(origins), -1)
    return Effects(keys, origins, change)


def make_effects(file: Path = FILE, *, scale: float = 0.1, name: str = RECORD) -> pd.DataFrame:
    """Simulate the effects of all rules on record at every origin and keep them.

    Parameters
    ----------
    file : Path
    scale : float
        Share of the people simulated.
    name : str

    Returns
    -------
    DataFrame
        origin, target, nationality, ahead, known, record.
    """
    from calibration.mechanism import rule_effects  # noqa: PLC0415 - loads the engine
    from sim.spec import load_scenario  # noqa: PLC0415

    loaded = load_scenario(name)
    parts = []
    for origin in (str(m) for m in pd.period_range(FIRST, LAST, freq="M")):
        known, record = rule_effects(origin, AHEAD, name, scale=scale, loaded=loaded)
        shape = known.log_ratio.shape
        parts.append(
            pd.DataFrame(
                {
                    "origin": origin,
                    "target": np.repeat([t for t, _ in known.keys], shape[1]),
                    "nationality": np.repeat([n for _, n in known.keys], shape[1]),
                    "ahead": np.tile(np.arange(1, shape[1] + 1, dtype=np.int16), shape[0]),
                    "known": known.log_ratio.ravel().astype(np.float32),
                    "record": record.log_ratio.ravel().astype(np.float32),
                }
            )
        )
        log.info("%s", origin)
    table = pd.concat(parts, ignore_index=True)
    table[["known", "record"]] = table[["known", "record"]].round(4)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    table.to_parquet(aside, index=False, compression="zstd")
    aside.replace(file)
    facts = {
        "scenario": name,
        "scenario_hash": loaded.hash(),
        "version": version("travesia"),
        "scale": scale,
        "origins": [FIRST, LAST],
        "ahead": AHEAD,
    }
    file.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return table


def main() -> None:
    """Write the table anew (maintenance command)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scale", type=float, default=0.1)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    make_effects(scale=parser.parse_args().scale)


if __name__ == "__main__":
    main()

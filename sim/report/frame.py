"""What every figure takes from a run: tables enter, medians and intervals over replicates leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pandas as pd

from sim.report.words import country_name, month_name, phrase, short_month

__all__ = [
    "QUANTILES",
    "SMALLEST_CELL",
    "Provenance",
    "RunLike",
    "border_title",
    "footer",
    "group_name",
    "intervals",
    "months_of",
    "period_mask",
    "period_words",
    "place_table",
    "provenance",
    "replicate_count",
    "sums",
    "total",
]

#: Columns of every interval table and the share of replicates below each.
QUANTILES: Final[dict[str, float]] = {"lo90": 0.05, "lo50": 0.25, "median": 0.5, "hi50": 0.75, "hi90": 0.95}

#: Below this many people nothing is drawn or printed (the rule itself is `sim.needs.safeguard`).
SMALLEST_CELL: Final = 15
NOT_TEXT: Final = frozenset({"replicate", "month", "period_start"})


class RunLike(Protocol):
    """The part of `sim.results.Run` that figures read."""

    @property
    def flows(self) -> pd.DataFrame:
        """Persons over legs."""

    @property
    def stocks(self) -> pd.DataFrame:
        """Person-days at places."""

    @property
    def outcomes(self) -> pd.DataFrame:
        """Persons by outcome."""

    @property
    def departures(self) -> pd.DataFrame:
        """Persons who set out."""

    @property
    def summary(self) -> pd.DataFrame:
        """Crossings by border and month."""

    @property
    def manifest(self) -> Any:  # noqa: ANN401 - a mapping of whatever the run wrote
        """Versions, seed, hashes."""

    @property
    def scenario(self) -> Any:  # noqa: ANN401 - a Scenario, or what a test gives
        """The resolved scenario."""


@dataclass(frozen=True)
class Provenance:
    """Where a figure or page comes from, as far as the run's manifest says."""

    scenario: str
    version: str
    seed: str
    engine: str
    replicates: int
    created: str
    result_hash: str


def provenance(run: RunLike) -> Provenance:
    """Read the manifest of a run; what it does not say stays empty.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    """
    manifest: dict[str, Any] = dict(run.manifest)

    def first(*keys: str) -> str:
        for key in keys:
            value = manifest.get(key)
            if isinstance(value, dict):
                value = value.get("travesia", value.get("name"))
            if value not in (None, ""):
                return str(value)
        return ""

    return Provenance(
        scenario=str(getattr(run.scenario, "name", "") or first("scenario")),
        version=first("version", "travesia_version", "versions"),
        seed=first("seed"),
        engine=first("engine"),
        replicates=replicate_count(run),
        created=first("created", "created_at", "finished", "finished_at", "started", "date"),
        result_hash=first("result_hash"),
    )


def replicate_count(run: RunLike) -> int:
    """How many replicates the run holds."""
    count = getattr(run, "replicates", None)
    if count is None:
        return max(1, int(run.flows["replicate"].nunique()))
    return int(count) if isinstance(count, int) else len(list(count))


def footer(run: RunLike, lang: str) -> str:
    """The line under every figure: scenario, replicates, seed, engine, version."""
    source = provenance(run)
    many = (
        phrase("replicates", lang, n=source.replicates)
        if source.replicates > 1
        else phrase("one_replicate_short", lang)
    )
    share = float(run.manifest.get("scale") or 1.0)
    if share < 1.0:
        many += f" ({phrase('footer_scale', lang, n=round(1.0 / share))})"
    engine = phrase(f"engine_{source.engine}", lang) if source.engine else phrase("engine_agents", lang)
    return phrase(
        "footer",
        lang,
        name=source.scenario,
        replicates=many,
        seed=phrase("seed", lang, seed=source.seed or "?"),
        engine=engine,
        version=source.version or "?",
    )


def months_of(frame: pd.DataFrame, column: str = "period_start") -> pd.Series[pd.Timestamp]:
    """First day of the month of each row; daily rows fall into their month."""
    days = pd.to_datetime(frame[column]).to_numpy()
    return pd.Series(days.astype("datetime64[M]").astype("datetime64[ns]"), index=frame.index)


def sums(run: RunLike, table: str, by: Sequence[str], value: str = "persons") -> pd.DataFrame:
    """Add `value` of a table of a run up by month, replicate and the columns `by`; labels stay coded.

    A run folder adds up replicate by replicate (`sim.results.Run.sums`), without the whole table in memory.

    Parameters
    ----------
    run : RunLike
    table : str
        ``flows``, ``stocks`` or ``departures``.
    by : sequence of str
        Columns to keep beside ``replicate`` and the month.
    value : str
        Column to add up.

    Returns
    -------
    DataFrame
        replicate, period_start, month, those of `by`, and `value`.
    """
    keys = ["period_start", *by]
    own = getattr(run, "sums", None)
    if own is not None:
        found = pd.DataFrame(own(table, keys, value))
    else:
        rows = getattr(run, table).groupby(["replicate", *keys], observed=True, dropna=False)[value].sum()
        found = pd.DataFrame(rows.reset_index())
    return found.assign(month=months_of(found))


def total(frame: pd.DataFrame, by: Sequence[str], value: str = "persons") -> pd.DataFrame:
    """Add `value` up by the columns `by`; labels come back as text, so that tables can be joined.

    Parameters
    ----------
    frame : DataFrame
        Any table of a run.
    by : sequence of str
        Columns to keep.
    value : str
        Column to add up.
    """
    keys = list(by)
    grouped = pd.DataFrame(frame.groupby(keys, observed=True, dropna=False)[[value]].sum()).reset_index()
    for key in keys:
        if key not in NOT_TEXT:
            grouped[key] = grouped[key].astype(object).fillna("").astype(str)
    return grouped


def period_mask(months: pd.Series[pd.Timestamp], period: str | None) -> pd.Series[bool]:
    """Which rows lie in `period`: None (all), ``2023-08`` or ``2023-06/2023-08``, ends included."""
    if period is None:
        return pd.Series(True, index=months.index)
    start, _, end = period.partition("/")
    return (months >= pd.Timestamp(start)) & (months <= pd.Timestamp(end or start))


def period_words(months: Iterable[pd.Timestamp], lang: str) -> str:
    """A period in words, for titles."""
    ordered = sorted(set(months))
    if len(ordered) == 1:
        return month_name(ordered[0].year, ordered[0].month, lang)
    first, last = ordered[0], ordered[-1]
    return phrase(
        "map_mean",
        lang,
        start=short_month(first.year, first.month, lang),
        end=short_month(last.year, last.month, lang),
    )


def intervals(frame: pd.DataFrame, by: Sequence[str], value: str, replicates: int) -> pd.DataFrame:
    """Median, 50 and 90 % interval over replicates; a replicate without a row counts as zero.

    Parameters
    ----------
    frame : DataFrame
        Columns `replicate`, those of `by`, and `value`.
    by : sequence of str
        What one row of the answer stands for.
    value : str
        Column to add up within a replicate.
    replicates : int
        Number of replicates of the run.

    Returns
    -------
    DataFrame
        `by` and the columns of `QUANTILES`.
    """
    keys = list(by)
    if frame.empty:
        return pd.DataFrame(columns=[*keys, *QUANTILES])
    totals = (
        frame.groupby([*keys, "replicate"], observed=True)[value].sum().unstack("replicate", fill_value=0)
    )
    missing = replicates - totals.shape[1]
    for extra in range(missing):
        totals[f"none {extra}"] = 0
    spread = pd.DataFrame({name: totals.quantile(share, axis=1) for name, share in QUANTILES.items()})
    return spread.reset_index()


def place_table(run: RunLike) -> pd.DataFrame:
    """Places by id; points on irregular routes are rounded to a tenth of a degree."""
    rows = []
    for place in run.scenario.world.places:
        irregular = bool(getattr(place, "irregular", False))
        digits = 1 if irregular else 4
        lat, lon = getattr(place, "lat", None), getattr(place, "lon", None)
        if lat is None or lon is None:
            continue
        rows.append(
            {
                "place": place.id,
                "name": getattr(place, "name", "") or place.id,
                "country": place.country,
                "lon": round(float(lon), digits),
                "lat": round(float(lat), digits),
                "role": str(getattr(place.role, "value", place.role)),
                "irregular": irregular,
            }
        )
    columns = ["place", "name", "country", "lon", "lat", "role", "irregular"]
    return pd.DataFrame(rows, columns=columns).set_index("place")


def group_name(run: RunLike, code: str, lang: str) -> str:
    """Name of a nationality group in the run's own world, or from the shipped table."""
    if code == "ALL":
        return phrase("all", lang)
    for group in getattr(run.scenario.world, "groups", None) or ():
        if group.id == code:
            name = getattr(group, f"name_{lang}", None)
            if name:
                return str(name)
    return country_name(code, lang)


def border_title(run: RunLike, border: str, lang: str) -> str:
    """Name of a border in the run's own world, or from the shipped table."""
    for row in getattr(run.scenario.world, "borders", None) or ():
        if row.id == border:
            name = getattr(row, f"name_{lang}", None)
            if name:
                return str(name)
    return phrase(f"border_{border}", lang).removeprefix("border ")

"""What figures and briefs take from `sim.needs`: an estimate enters, slices of its published tables leave."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from sim.needs.safeguard import round_people
from sim.needs.tables import table, translate
from sim.report.frame import RunLike, sums
from sim.report.words import check_language

__all__ = [
    "FLAGS_WORST_FIRST",
    "REGIONAL_ONLY",
    "NeedsLike",
    "coordination_of",
    "flag_key",
    "flag_rank",
    "funding_of",
    "last_month",
    "mechanism_roles",
    "needs_of",
    "sector_names",
    "sector_table",
    "short_mechanism",
    "totals",
]

#: Sectors whose people in need are shown for the region only (sexual violence, trafficking).
REGIONAL_ONLY: Final = frozenset({"PRO-GBV", "PRO-HTS"})
#: As `sim.needs.coordination` orders them.
FLAGS_WORST_FIRST: Final = ("gap", "no_lead", "duplication", "shared", "covered_scarce", "covered")


class NeedsLike(Protocol):
    """The part of `sim.needs.Needs` that is read here; every table is already published."""

    @property
    def table(self) -> pd.DataFrame:
        """The needs table, one row for each number."""

    @property
    def coordination(self) -> pd.DataFrame:
        """Who leads and who else covers."""

    @property
    def upstream(self) -> pd.DataFrame:
        """People on their way."""


def needs_of(run: RunLike, lang: str, needs: NeedsLike | None = None) -> NeedsLike:
    """The estimate handed in, or a new one for all countries of the run.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    lang : str
        ``en`` or ``es``: language of names in the tables.
    needs : NeedsLike, optional
        An estimate made before.
    """
    if needs is not None:
        return needs
    from sim.needs import estimate  # noqa: PLC0415 - the whole needs room, only when it is asked for

    made: Any = estimate(run, lang=check_language(lang))
    return made  # type: ignore[no-any-return]


def last_month(run: RunLike) -> str:
    """Last month of a run, as ``2023-08``."""
    return f"{sums(run, 'flows', [])['month'].max():%Y-%m}"


def totals(needs: NeedsLike, month: str) -> pd.DataFrame:
    """Rows of one month that are not split by stage, group, sex, age or area.

    Parameters
    ----------
    needs : NeedsLike
        An estimate.
    month : str
        ``2023-08``.
    """
    frame = needs.table
    start = pd.to_datetime(frame["reference_period_start"])
    keep = (frame["period"] == "month") & (start == pd.Timestamp(month)) & (frame["admin1_code"] == "")
    for column in ("category", "population_group", "gender", "age_range"):
        keep &= frame[column] == "all"
    return frame[keep]


def sector_names(lang: str) -> dict[str, str]:
    """Names of sectors by code."""
    return translate("sectors", "code", check_language(lang))


def funding_of(month: str) -> str:
    """Funding scenario of the year nearest to a month."""
    rows = table("funding", ["year"])
    gap = (rows["year"] - pd.Timestamp(month).year).abs()
    return str(rows["id"].iloc[int(gap.to_numpy().argmin())])


def sector_table(needs: NeedsLike, country: str | None, month: str) -> pd.DataFrame:
    """One row per sector: people in need, money, lead and flag.

    Parameters
    ----------
    needs : NeedsLike
        An estimate.
    country : str or None
        ISO 3166-1 alpha-3 code; None adds the countries up, which counts times in need and not people.
    month : str
        ``2023-08``.

    Returns
    -------
    DataFrame
        sector, low, middle, high (people in need; NaN where hidden), usd, funded, gap, each of them also with _low and
        _high, lead, flag; in the order of the sector table.
    """
    frame = totals(needs, month)
    if country is not None:
        frame = frame[frame["location_code"] == country]
    chosen = funding_of(month)
    keep = {
        "need": (frame["measure"] == "unique_people") & (frame["population_status"] == "INN"),
        "usd": frame["measure"] == "requirement",
        "funded": (frame["measure"] == "funded") & (frame["funding"] == chosen),
        "gap": (frame["measure"] == "gap") & (frame["funding"] == chosen),
    }
    need = frame[keep["need"] & (frame["sector_code"] != "ALL")]
    need = need.assign(sector=need["sector_code"].astype(str))
    out = need.groupby("sector")[["low", "middle", "high"]].sum(min_count=1)
    out[["low", "middle", "high"]] = round_people(out[["low", "middle", "high"]].to_numpy(dtype=float))
    if country is not None:
        out.loc[out.index.isin(REGIONAL_ONLY), ["low", "middle", "high"]] = np.nan
    for name in ("usd", "funded", "gap"):
        part = frame[keep[name]]
        sums = part.groupby(part["sector_code"].astype(str))[["low", "middle", "high"]].sum(min_count=1)
        out[[f"{name}_low", name, f"{name}_high"]] = sums.reindex(out.index).to_numpy()
    worst = (
        need.assign(rank=need["coverage_flag"].astype(str).map(flag_rank))
        .sort_values("rank")
        .drop_duplicates("sector")
    )
    out["flag"] = worst.set_index("sector")["coverage_flag"].astype(str)
    out["lead"] = worst.set_index("sector")["lead_mechanism"].astype(str) if country is not None else ""
    order = [code for code in sector_names("en") if code in out.index]
    return out.reindex(order).reset_index()


def flag_rank(flag: str) -> int:
    """Position of a flag, worst first; unknown ones last."""
    return FLAGS_WORST_FIRST.index(flag) if flag in FLAGS_WORST_FIRST else len(FLAGS_WORST_FIRST)


def flag_key(flag: str) -> str:
    """Key of a flag's words."""
    return f"flag_{flag}"


def coordination_of(needs: NeedsLike, country: str | None, year: int) -> pd.DataFrame:
    """Rows of the coordination table of one country (or all) and year."""
    frame = needs.coordination
    if frame.empty:
        return frame
    keep = frame["year"] == year
    if country is not None:
        keep &= frame["location_code"] == country
    return frame[keep]


def mechanism_roles(rows: pd.DataFrame) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Mechanisms in use and what each does in each sector.

    Parameters
    ----------
    rows : DataFrame
        What `coordination_of` gives for one country.

    Returns
    -------
    mechanisms : list of str
        Short names, those that lead most first.
    roles : dict of str to dict of str to str
        ``leads`` or ``member`` by sector and mechanism.
    """
    roles: dict[str, dict[str, str]] = {}
    weight: dict[str, int] = {}
    for sector, lead, others in zip(rows["sector_code"], rows["lead_mechanism"], rows["others"], strict=True):
        here = roles.setdefault(str(sector), {})
        for role, joined in (("leads", lead), ("member", others)):
            for name in filter(None, (short_mechanism(part) for part in str(joined).split(";"))):
                if here.get(name) != "leads":
                    here[name] = role
                weight[name] = weight.get(name, 0) + (10 if role == "leads" else 1)
    return sorted(weight, key=lambda name: -weight[name]), roles


def short_mechanism(name: str) -> str:
    """A mechanism's name without its explanation and role."""
    return name.partition("[")[0].partition(",")[0].partition(" (")[0].strip()

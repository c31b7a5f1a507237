"""Who leads, who else covers, who is left out: coverage data and people in need in, flags out.

Every flag comes from ``coverage.csv`` (mechanism x country x sector x population, with dates and source
lines) and ``articulation.csv`` (agreements between mechanisms). There is no country in this file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.errors import DataError
from sim.needs.axes import POPULATIONS, REGION
from sim.needs.tables import records, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ARRANGEMENTS", "FLAGS", "Coverage", "arrangement_id", "coverage", "regional_groups"]

#: worst first; the code of a flag is its position
FLAGS: Final = ("gap", "no_lead", "duplication", "shared", "covered_scarce", "covered")
GAP, NO_LEAD, DUPLICATION, SHARED, SCARCE, COVERED = range(6)
ARRANGEMENTS: Final = ("today", "national_platforms", "single_structure")
_COVERS: Final = ("lead", "member")


@dataclass(frozen=True)
class Coverage:
    """Coverage of one arrangement.

    Parameters
    ----------
    countries, sectors : tuple of str
        Codes of the first two axes; populations are ``POPULATIONS``.
    flag : numpy.ndarray
        int8 positions in ``FLAGS``, shape (countries, sectors, populations, months).
    covering : numpy.ndarray
        Number of mechanisms that lead or take part, same shape.
    lead, others : numpy.ndarray
        Positions in ``names``, same shape; names of the lead mechanism and of everybody else.
    names : list of str
        Mechanism ids joined with ``;``.
    sources : dict
        Source references of the rows used, by (country, mechanism).
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    flag: NDArray[np.int8]
    covering: NDArray[np.int16]
    lead: NDArray[np.int32]
    others: NDArray[np.int32]
    names: list[str]
    sources: dict[tuple[str, str], str]


def arrangement_id(name: str) -> str:
    """A known arrangement, or an error that says which there are."""
    if name not in ARRANGEMENTS:
        msg = f"unknown arrangement {name!r}; expected one of {', '.join(ARRANGEMENTS)}"
        raise DataError(msg)
    return name


def coverage(
    arrangement: str, countries: tuple[str, ...], sectors: tuple[str, ...], starts: pd.Series
) -> Coverage:
    """Coverage of every country, sector, population and month under an arrangement.

    Parameters
    ----------
    arrangement : str
        An id of ``arrangements.csv``.
    countries, sectors : tuple of str
        Codes.
    starts : pandas.Series
        First day of each period.
    """
    arrangement_id(arrangement)
    first, same = _same_rules(starts)
    rows = _rows(arrangement, countries, sectors, starts.iloc[first])
    shape = (len(countries), len(sectors), len(POPULATIONS), len(first))
    present = np.zeros((len(rows), *shape), dtype=bool)
    for position, row in enumerate(rows):
        present[position][np.ix_(row.countries, row.sectors, row.populations, row.months)] = True
    found = _flags(rows, present, countries, sectors, starts.iloc[first])
    by_period = {name: getattr(found, name)[..., same] for name in ("flag", "covering", "lead", "others")}
    return replace(found, **by_period)


def _same_rules(starts: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Periods that stand for those with the same rules in force, and which of them each period is like."""
    days = starts.to_numpy(dtype="datetime64[D]")
    rules = pd.concat([table(name)[["valid_from", "valid_to"]] for name in ("coverage", "articulation")])
    begins, ends = (
        np.unique(rules.loc[rules[name] != "", name].to_numpy(dtype="datetime64[D]"))
        for name in ("valid_from", "valid_to")
    )
    begun, ended = np.searchsorted(begins, days, side="right"), np.searchsorted(ends, days, side="left")
    _, first, same = np.unique(np.stack([begun, ended]), axis=1, return_index=True, return_inverse=True)
    return first, same.reshape(-1)


@dataclass(frozen=True)
class _Row:
    mechanism: str
    role: str
    strength: str
    countries: NDArray[np.int64]
    sectors: NDArray[np.int64]
    populations: NDArray[np.int64]
    months: NDArray[np.int64]
    reference: str


def _rows(
    arrangement: str, countries: tuple[str, ...], sectors: tuple[str, ...], starts: pd.Series
) -> list[_Row]:
    sets = _sector_sets()
    reviewed = table("countries")
    region = set(reviewed.loc[reviewed["reviewed"] == "1", "code"]) - {REGION}
    out = []
    for row in records(table("coverage")):
        if arrangement not in str(row["arrangements"]).split(";"):
            continue
        named = region if row["countries"] == "*LAC" else set(str(row["countries"]).split(";"))
        months = _in_force(starts, str(row["valid_from"]), str(row["valid_to"]))
        populations = POPULATIONS if row["populations"] == "*" else tuple(str(row["populations"]).split(";"))
        item = _Row(
            str(row["mechanism"]),
            str(row["role"]),
            str(row["strength"]),
            np.array([i for i, c in enumerate(countries) if c in named], dtype=np.int64),
            np.array(
                [i for i, s in enumerate(sectors) if s in _expand(str(row["sectors"]), sets)], dtype=np.int64
            ),
            np.array([POPULATIONS.index(p) for p in populations], dtype=np.int64),
            months,
            str(row["source_ref"] or row["source"]),
        )
        if item.countries.size and item.sectors.size and item.months.size:
            out.append(item)
    return out


def _in_force(starts: pd.Series, first: str, last: str) -> NDArray[np.int64]:
    keep = np.ones(len(starts), dtype=bool)
    if first:
        keep &= (starts >= pd.Timestamp(first)).to_numpy()
    if last:
        keep &= (starts <= pd.Timestamp(last)).to_numpy()
    return np.flatnonzero(keep)


def _sector_sets() -> dict[str, set[str]]:
    rows = table("sectors")
    every = set(rows["code"]) - {"ALL"}
    return {
        "*": every,
        "R4V": set(rows.loc[rows["in_r4v"] == "1", "code"]) - {"ALL"},
        "IASC": set(rows.loc[rows["in_iasc"] == "1", "code"]) - {"ALL"},
    }


def _expand(text: str, sets: dict[str, set[str]]) -> set[str]:
    out: set[str] = set()
    for token in text.split(";"):
        if token.startswith("!"):
            out.discard(token[1:])
        else:
            out |= sets.get(token, {token})
    return out


def _flags(
    rows: list[_Row],
    present: NDArray[np.bool_],
    countries: tuple[str, ...],
    sectors: tuple[str, ...],
    starts: pd.Series,
) -> Coverage:
    shape = present.shape[1:]
    covers = np.array([row.role in _COVERS for row in rows], dtype=bool)
    leads = np.array([row.role == "lead" for row in rows], dtype=bool)
    strong = np.array([row.role in _COVERS and row.strength == "strong" for row in rows], dtype=bool)
    by_mechanism = _by_mechanism(rows, present, covers)
    covering = by_mechanism.sum(axis=0, dtype=np.int16) if len(by_mechanism) else np.zeros(shape, np.int16)
    has_lead = present[leads].any(axis=0) if leads.any() else np.zeros(shape, dtype=bool)
    has_strong = present[strong].any(axis=0) if strong.any() else np.zeros(shape, dtype=bool)
    agreed = _agreed(rows, by_mechanism, countries, starts)
    flag = np.where(has_strong, COVERED, SCARCE)
    flag = np.where(covering > 1, np.where(agreed, SHARED, DUPLICATION), flag)
    flag = np.where((covering > 0) & ~has_lead, NO_LEAD, flag)
    flag = np.where(covering == 0, GAP, flag).astype(np.int8)
    names = [""]
    sources: dict[tuple[str, str], str] = {}
    for row in rows:
        for c in row.countries:
            key = (countries[c], row.mechanism)
            known = sources.get(key, "")
            sources[key] = (
                known if row.reference in known else "; ".join(filter(None, (known, row.reference)))
            )
    return Coverage(
        countries,
        sectors,
        flag,
        covering,
        _join(rows, present, leads, names),
        _join(rows, present, ~leads, names),
        names,
        sources,
    )


def _mechanisms(rows: list[_Row]) -> list[str]:
    return list(dict.fromkeys(row.mechanism for row in rows if row.role in _COVERS))


def _by_mechanism(
    rows: list[_Row], present: NDArray[np.bool_], covers: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each mechanism covers each cell; a mechanism with two rows counts once."""
    names = _mechanisms(rows)
    out = np.zeros((len(names), *present.shape[1:]), dtype=bool)
    for position, row in enumerate(rows):
        if covers[position]:
            out[names.index(row.mechanism)] |= present[position]
    return out


def _agreed(
    rows: list[_Row], covered: NDArray[np.bool_], countries: tuple[str, ...], starts: pd.Series
) -> NDArray[np.bool_]:
    """Cells where every pair of covering mechanisms has an agreement in force."""
    names = _mechanisms(rows)
    out = np.ones(covered.shape[1:], dtype=bool)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    agreements = records(table("articulation"))
    for a, b in pairs:
        both = covered[names.index(a)] & covered[names.index(b)]
        if not both.any():
            continue
        good = np.zeros(both.shape, dtype=bool)
        for row in agreements:
            if {str(row["mechanism_a"]), str(row["mechanism_b"])} in ({a, b}, {a, "*"}, {b, "*"}):
                where = [i for i, c in enumerate(countries) if row["country"] in ("*", c)]
                months = _in_force(starts, str(row["valid_from"]), str(row["valid_to"]))
                good[np.ix_(where, range(both.shape[1]), range(both.shape[2]), months)] = True
        out &= ~both | good
    return out


def _join(
    rows: list[_Row], present: NDArray[np.bool_], which: NDArray[np.bool_], names: list[str]
) -> NDArray[np.int32]:
    """Joined mechanism ids of each cell as positions in ``names``, which grows."""
    out = np.zeros(present.shape[1:], dtype=np.int32)
    known = {name: position for position, name in enumerate(names)}
    for position in np.flatnonzero(which):
        row = rows[position]
        here = present[position]
        for old in np.unique(out[here]):
            parts = [p for p in names[old].split(";") if p]
            label = row.mechanism if row.role in _COVERS else f"{row.mechanism}:{row.role}"
            joined = ";".join(parts if label in parts else [*parts, label])
            if joined not in known:
                known[joined] = len(names)
                names.append(joined)
            out[here & (out == old)] = known[joined]
    return out


def regional_groups() -> pd.DataFrame:
    """Regional sector groups of R4V and REDLAC: unified, duplicated, or in one only.

    Returns
    -------
    pandas.DataFrame
        sector_code, r4v_group, redlac_group, flag (unified, duplication, one_only).
    """
    rows = table("sectors")
    rows = rows[~rows["code"].isin(["ALL", "CSS"])]
    both = (rows["r4v_group"] != "") & (rows["redlac_group"] != "")
    flag = np.where(
        rows["regional_groups_duplicated"] == "1",
        np.where(both, "duplication", "one_only"),
        np.where(rows["note"].str.startswith("unified"), "unified", "one_only"),
    )
    return pd.DataFrame(
        {
            "sector_code": rows["code"],
            "r4v_group": rows["r4v_group"],
            "redlac_group": rows["redlac_group"],
            "flag": flag,
            "source": "Review 2024 (IECAH)",
            "source_ref": "Review 2024, lines 1029-1056",
        }
    ).reset_index(drop=True)

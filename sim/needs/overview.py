"""The one-page view and its footing: a plan and its published table in, a row a country out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.needs import safeguard
from sim.needs.axes import ALL, AT_HOME, CELLS
from sim.needs.context import country_roles
from sim.needs.money import plan_check
from sim.needs.tables import LEVELS, records, table, translate

if TYPE_CHECKING:
    from sim.needs.plan import Plan

__all__ = ["assumptions_of", "overview_of", "sources_of"]

_REFERENCE_FUNDING: Final = "as_2023"
_KEYS: Final = ("measure", "population_status", "basis", "funding", "category")
_LEVELS: Final = ("low", "middle", "high", "population_lo80", "population_hi80")
_EVERYONE: Final = ("unique_people", "all", "total", "", ALL)


def overview_of(plan: Plan, published: pd.DataFrame, lang: str) -> pd.DataFrame:
    """One row for each country and year, every number taken from the published table.

    Parameters
    ----------
    plan : Plan
        For roles and severity.
    published : pandas.DataFrame
        The needs table, already safe.
    lang : str
        Language of names.
    """
    listed = {str(r["code"]): r for r in records(table("countries"))}
    names = translate("countries", "code", lang)
    roles = country_roles(plan)
    severity = _severity(plan)
    rows: list[dict[str, Any]] = []
    for (country, year), cells in sorted(_yearly_cells(published).items()):
        row: dict[str, Any] = {
            "location_code": country,
            "location_name": names.get(country, country),
            "year": year,
            "roles": ";".join(roles.get(country, [])),
        } | _numbers(cells)
        checked = (
            plan_check(row["targeted"], row["requirement"], year) if _known(row) else {"verdict": "none"}
        )
        head = cells.get(_EVERYONE)
        row |= {
            "usd_per_targeted": round(float(checked.get("usd_per_person", np.nan)), 0),
            "plan_check": checked["verdict"],
            "severity": severity.get((country, year), np.nan),
            "lead_mechanism": str(head["lead_mechanism"]) if head else "",
            "coverage_flag": str(head["coverage_flag"]) if head else "",
            "lgbtiq_focal_point": str(listed.get(country, {}).get("lgbtiq_focal_point", "")),
            "local_authority": str(listed.get(country, {}).get("local_authority", "")),
            "source": "Travesía scenario run; standards.csv, unit_costs.csv, coverage.csv",
            "suppressed": safeguard.HIDDEN if np.isnan(row["people"]) else "",
        }
        rows.append(row)
    order = list(table("fields").query("table == 'overview'")["name"])
    return safeguard.publish(pd.DataFrame(rows, columns=order))


def _yearly_cells(published: pd.DataFrame) -> dict[tuple[str, int], dict[tuple[str, ...], dict[str, Any]]]:
    """Headline cells of each country and year, by measure, status, basis, funding and category."""
    keep = (published["period"] == "year") & (published["sector_code"] == "ALL")
    for column, values in (
        ("gender", [ALL]),
        ("age_range", [ALL]),
        ("admin1_code", [""]),
        ("category", [ALL, "host"]),
        ("population_group", [ALL, "HST"]),
    ):
        keep &= published[column].isin(values)
    part = published.loc[keep]
    texts = [part[name].astype(object).to_list() for name in (*_KEYS, "lead_mechanism", "coverage_flag")]
    numbers = [part[name].to_list() for name in _LEVELS]
    years = part["reference_period_start"].dt.year.to_list()
    out: dict[tuple[str, int], dict[tuple[str, ...], dict[str, Any]]] = {}
    for country, year, text, levels in zip(
        part["location_code"].astype(object).to_list(),
        years,
        zip(*texts, strict=True),
        zip(*numbers, strict=True),
        strict=True,
    ):
        row = dict(zip(_LEVELS, levels, strict=True))
        row |= {"lead_mechanism": text[-2], "coverage_flag": text[-1]}
        out.setdefault((country, year), {}).setdefault(text[: len(_KEYS)], row)
    return out


def _known(row: dict[str, Any]) -> bool:
    return bool(np.isfinite(row["targeted"]) and np.isfinite(row["requirement"]) and row["targeted"] > 0)


def _numbers(cells: dict[tuple[str, ...], dict[str, Any]]) -> dict[str, Any]:
    """Read the headline numbers of a country and year."""

    def pick(
        column: str = "middle",
        *,
        measure: str,
        population_status: str = "",
        basis: str = "total",
        funding: str = "",
        category: str = ALL,
    ) -> float:
        found = cells.get((measure, population_status, basis, funding, category))
        return float(found[column]) if found is not None else float("nan")

    everyone = {"measure": "unique_people", "population_status": "all"}
    money = {"measure": "requirement"}
    funded = [key[_KEYS.index("funding")] for key in cells if key[0] == "gap"]
    chosen = _REFERENCE_FUNDING if _REFERENCE_FUNDING in funded or not funded else funded[0]
    return {
        "people": pick(**everyone),
        "people_lo80": pick("population_lo80", **everyone),
        "people_hi80": pick("population_hi80", **everyone),
        "in_need": pick(measure="unique_people", population_status="INN"),
        "targeted": pick(measure="unique_people", population_status="TGT"),
        "host_in_need": pick(measure="unique_people", population_status="INN", category="host"),
        "crossings": pick(measure="crossings", population_status="all"),
        "person_days": pick(measure="person_days", population_status="all"),
        "travel_days": pick(measure="travel_days", population_status="all"),
        "present_average": pick(measure="people_present", basis="average", population_status="all"),
        "present_peak": pick(measure="people_present", basis="peak", population_status="all"),
        "waiting_at_home": pick(measure="waiting_at_home", basis="average", population_status="all"),
        "requirement_low": pick("low", **money),
        "requirement": pick(**money),
        "requirement_high": pick("high", **money),
        "gap": pick(measure="gap", funding=chosen),
        "funding": chosen,
    }


def _severity(plan: Plan) -> dict[tuple[str, int], float]:
    """Mean severity phase of the people of each country and year."""
    measures = plan.measures
    years = slice(measures.months, None)
    people = measures.heads["people"][:, :, years].mean(axis=0, dtype=np.float64)
    people[:, :, [q for q, (_, group) in enumerate(CELLS) if group == AT_HOME]] = 0.0
    total = people.sum(axis=(2, 3))
    weighted = (people * plan.need.phase[:, years]).sum(axis=(2, 3))
    return {
        (country, int(year)): round(float(weighted[c, t] / total[c, t]), 1)
        for c, country in enumerate(measures.countries)
        for t, year in enumerate(measures.periods["year"].iloc[years])
        if total[c, t] >= safeguard.threshold()
    }


def sources_of(lang: str) -> pd.DataFrame:
    """Register of inputs: which table, which id, who published it and where."""
    parts = []
    for name, key in (
        ("standards", "id"),
        ("unit_costs", "sector_code"),
        ("plans", "year"),
        ("mechanisms", "id"),
        ("coverage", "mechanism"),
        ("articulation", "mechanism_a"),
        ("lead_rules", "country"),
        ("overlays", "id"),
        ("population_groups", "code"),
        ("minimums", "id"),
        ("countries", "code"),
    ):
        rows = table(name)
        reference = rows["source_ref"] if "source_ref" in rows.columns else pd.Series("", index=rows.index)
        parts.append(
            pd.DataFrame(
                {
                    "table": name,
                    "id": rows[key].astype(str),
                    "source": rows["source"],
                    "source_ref": reference,
                }
            )
        )
    return safeguard.publish(pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True))


def _assumed(name: str, rows: pd.DataFrame, ids: pd.Series, words: pd.Series) -> pd.DataFrame:
    """Rows of one table as the list of assumptions has them."""
    numbers = rows.reindex(columns=list(LEVELS))
    unit = rows["unit"] if "unit" in rows.columns else ""
    return numbers.assign(table=name, id=ids, name=words, unit=unit, source=rows["source"])


def assumptions_of(plan: Plan, lang: str) -> pd.DataFrame:
    """Every number that is unverified, ours or without a source, and the methods and limits in words."""
    sectors = translate("sectors", "code", lang)
    standards = plan.standards.table
    flagged = standards[(standards["assumption"].astype(int) == 1) | (standards["source"].str.strip() == "")]
    costs, rules = table("unit_costs", LEVELS), table("in_need_rules", LEVELS)
    costs, rules = costs[costs["assumption"] == "1"], rules[rules["assumption"] == "1"]
    percent = rules.assign(
        **{level: (rules[level] * 100).round(9) for level in LEVELS}, unit="% of people in need"
    )
    cover, methods = table("coverage"), table("methods")
    cover = cover[cover["confidence"] != "seen"]
    mechanisms = cover["mechanism"].map(translate("mechanisms", "id", lang))
    parts = [
        _assumed("standards", flagged, flagged["id"], flagged[f"name_{lang}"]),
        _assumed("unit_costs", costs, costs["sector_code"], costs["sector_code"].map(sectors)),
        _assumed(
            "in_need_rules",
            percent,
            rules["sector_code"] + "/" + rules["stage"],
            rules["sector_code"].map(sectors),
        ),
        _assumed("coverage", cover, cover["mechanism"] + "/" + cover["countries"], mechanisms),
        _assumed("methods", methods.assign(source="Travesía"), methods["id"], methods[f"text_{lang}"]),
    ]
    out = pd.concat(parts, ignore_index=True)
    return safeguard.publish(out[["table", "id", "name", *LEVELS, "unit", "source"]])

"""Tables beside the needs: a plan in, borders, minimums, impacts and the coordination matrix out."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.needs.axes import ALL, POPULATIONS, STAGES
from sim.needs.coordination import FLAGS, coverage
from sim.needs.intervals import interval
from sim.needs.tables import records, table

if TYPE_CHECKING:
    from sim.needs.measures import Measures
    from sim.needs.plan import Plan

__all__ = [
    "binational",
    "coordination_matrix",
    "country_roles",
    "impacts",
    "lead_rule",
    "minimums",
    "translate_mechanisms",
]

Array = NDArray[np.float64]
_REVIEW: Final = "Review 2024 (IECAH)"


@lru_cache(maxsize=1)
def _rules() -> list[tuple[pd.Timestamp, pd.Timestamp, dict[str, str]]]:
    """Lead rules with their dates, open ends far away."""
    return [
        (
            pd.Timestamp(str(r["valid_from"]) or "1900-01-01"),
            pd.Timestamp(str(r["valid_to"]) or "2200-01-01"),
            {str(k): str(v) for k, v in r.items()},
        )
        for r in records(table("lead_rules"))
    ]


@cache
def _rules_for(country: str, situation: str) -> list[tuple[pd.Timestamp, pd.Timestamp, dict[str, str]]]:
    """Lead rules for a country and a situation: its own, and those for every country."""
    return [
        given
        for given in _rules()
        if given[2]["situation"] == situation and given[2]["country"] in (country, "*")
    ]


def lead_rule(country: str, situation: str, day: pd.Timestamp) -> dict[str, str]:
    """Lead rule in force for a country, situation (mobility or disaster) and day.

    Blank fields where none is named.
    """
    found = [r for first, last, r in _rules_for(country, situation) if first <= day <= last]
    own = [r for r in found if r["country"] == country]
    if not found:
        return {
            "lead_mechanism": "",
            "second_mechanism": "",
            "finding_en": "",
            "finding_es": "",
            "source_ref": "",
            "evidence": "",
        }
    return (own or found)[-1]


def country_roles(plan: Plan) -> dict[str, list[str]]:
    """Roles of each country: those of the table and those the run shows (1 % of its people or more)."""
    listed = table("countries").set_index("code")["roles"]
    people = plan.measures.drivers["people"][..., 0].mean(axis=0)[:, plan.measures.months :].sum(axis=1)
    out = {}
    for c, country in enumerate(plan.measures.countries):
        roles = [r for r in str(listed.get(country, "")).split(";") if r]
        whole = people[c].sum()
        for s, stage in enumerate(STAGES):
            role = "destination" if stage == "settled" else stage
            if whole > 0 and people[c, s] >= 0.01 * whole and role not in roles:
                roles.append(role)
        out[country] = roles
    return out


def coordination_matrix(plan: Plan, arrangement: str, language: str) -> pd.DataFrame:
    """Country x sector x population x year: who leads, who else covers, and the flag, with people in need."""
    cover, measures = plan.cover, plan.measures
    names = translate_mechanisms(language)
    need = plan.population_need[:, :, measures.months :]
    c, y, s, p = np.nonzero(need[2] > 0)
    t = y + measures.months
    lead, others = cover.lead[c, s, p, t], cover.others[c, s, p, t]
    readable = np.array([_names(joined, names) for joined in cover.names], dtype=object)
    years = measures.periods["year"].to_numpy()[measures.months :]
    ends = list(measures.periods["end"])[measures.months :]
    rules = {
        at: lead_rule(measures.countries[at[0]], "mobility", ends[at[1]])
        for at in set(zip(c.tolist(), y.tolist(), strict=True))
    }
    keys = list(zip(c.tolist(), y.tolist(), lead.tolist(), others.tolist(), strict=True))
    cited = {key: _cited(plan, key[0], rules[key[:2]], key[2:], language) for key in set(keys)}
    found = [cited[key] for key in keys]
    return pd.DataFrame(
        {
            "arrangement": arrangement,
            "location_code": np.array(measures.countries, dtype=object)[c],
            "year": years[y],
            "sector_code": np.array(plan.sectors, dtype=object)[s],
            "population": np.array(POPULATIONS, dtype=object)[p],
            **{level: need[i, c, y, s, p] for i, level in enumerate(("low", "middle", "high"))},
            "lead_mechanism": readable[lead],
            "others": readable[others],
            "mechanisms_covering": cover.covering[c, s, p, t].astype(np.int64),
            "coverage_flag": np.array(FLAGS, dtype=object)[cover.flag[c, s, p, t]],
            "finding": [finding for finding, _ in found],
            "source": [source for _, source in found],
            "unit": "people",
            "assumption": True,
        }
    )


def _cited(
    plan: Plan, country: int, rule: dict[str, str], present: tuple[int, int], language: str
) -> tuple[str, str]:
    """Finding of the review and source lines for the mechanisms (lead, others) of a country."""
    cover, name = plan.cover, plan.measures.countries[country]
    mechanisms = ";".join(cover.names[position] for position in present).split(";")
    lines = dict.fromkeys(cover.sources.get((name, m.split(":")[0]), "") for m in mechanisms)
    return rule[f"finding_{language}"], "; ".join(filter(None, lines)) or rule["source_ref"] or _REVIEW


def translate_mechanisms(language: str) -> dict[str, str]:
    """Mechanism names by id in one language."""
    rows = table("mechanisms")
    return dict(zip(rows["id"], rows[f"name_{language}"], strict=True))


def _names(joined: str, names: dict[str, str]) -> str:
    out = []
    for part in filter(None, joined.split(";")):
        mechanism, _, role = part.partition(":")
        out.append(names.get(mechanism, mechanism) + (f" [{role}]" if role else ""))
    return "; ".join(out)


def binational(measures: Measures, language: str) -> pd.DataFrame:
    """Crossings of each border pair by year and direction.

    With the share of children and of irregular crossings.
    """
    borders = measures.borders
    spread = interval(borders["persons"])
    totals = {name: values.mean(axis=0) for name, values in borders.items()}
    where = {country: position for position, country in enumerate(measures.countries)}
    years = measures.periods["year"].to_numpy()[measures.months :]
    rows = []
    for pair in records(table("border_pairs")):
        ends = str(pair["country_a"]), str(pair["country_b"])
        for a, b in (ends, ends[::-1]):
            if a not in where or b not in where:
                continue
            at = where[a], where[b]
            for y in np.flatnonzero(spread[2][at] > 0):
                whole = totals["persons"][at][y]
                shares = (totals["children"][at][y] / whole, totals["irregular"][at][y] / whole)
                rows.append(
                    _border(pair, (a, b), int(years[y]), spread[:, at[0], at[1], y], shares, language)
                )
    columns = [
        "border",
        "from_country",
        "to_country",
        "year",
        "low",
        "middle",
        "high",
        "unit",
        "children_share",
        "irregular_share",
        "lead_from",
        "lead_to",
        "binational_coordination",
        "source",
    ]
    out = pd.DataFrame(rows, columns=columns)
    names = translate_mechanisms(language)
    for column in ("lead_from", "lead_to"):
        out[column] = out[column].map(lambda text: _names(text, names))
    return out


def _border(
    pair: dict[str, Any],
    ends: tuple[str, str],
    year: int,
    values: Array,
    shares: tuple[float, float],
    language: str,
) -> tuple[Any, ...]:
    """One border, direction and year."""
    day = pd.Timestamp(year=year, month=12, day=31)
    leads = [lead_rule(x, "mobility", day)["lead_mechanism"] for x in ends]
    same = "same_mechanism" if leads[0] and leads[0] == leads[1] else "not_named"
    return (
        str(pair[f"name_{language}"]),
        *ends,
        year,
        *values,
        "times",
        *shares,
        leads[0],
        leads[1],
        "scarce" if "scarce" in str(pair["note"]) else same,
        "Travesía scenario run; lead_rules.csv",
    )


def impacts(plan: Plan, language: str) -> pd.DataFrame:
    """Double and triple impact.

    People on the move in a country and month also hit by disaster, violence or disease.
    """
    measures = plan.measures
    names = translate_mechanisms(language)
    reviewed = table("countries")
    region = set(reviewed.loc[reviewed["reviewed"] == "1", "code"])
    unsettled = interval(measures.drivers["people"][:, :, :, 1:4, 0].sum(axis=3))
    overlays = records(table("overlays"))
    rows = []
    starts, ends = list(measures.periods["start"]), list(measures.periods["end"])
    dated = [
        (pd.Timestamp(str(o["start"])), pd.Timestamp(str(o["end"]) or "2200-01-01"), o) for o in overlays
    ]
    shares = {
        (country, str(o["id"])): _area_share(measures, o, country)
        for country in measures.countries
        for o in overlays
        if _named(o, country, region)
    }
    for c, country in enumerate(measures.countries):
        here = [given for given in dated if _named(given[2], country, region)]
        for t in np.flatnonzero(unsettled[2, c, : measures.months] > 0):
            start, end = starts[t], ends[t]
            hits = [o for first, last, o in here if first <= end and last >= start]
            if not hits:
                continue
            kinds = list(dict.fromkeys(str(o["kind"]) for o in hits))
            mobility, other = lead_rule(country, "mobility", end), lead_rule(country, "disaster", end)
            share = max(shares[country, str(o["id"])][t] for o in hits)
            rows.append(
                (
                    country,
                    start,
                    end,
                    1 + len(kinds),
                    "; ".join(kinds),
                    "; ".join(str(o[f"name_{language}"]) for o in hits),
                    *(unsettled[:, c, t] * share),
                    "people",
                    _names(mobility["lead_mechanism"], names),
                    _names(other["lead_mechanism"], names),
                    other[f"finding_{language}"],
                    "; ".join(dict.fromkeys(str(o["source"]) for o in hits)),
                    any("assumed" in str(o["note"]) for o in hits),
                )
            )
    columns = [
        "location_code",
        "reference_period_start",
        "reference_period_end",
        "impacts",
        "kinds",
        "events",
        "low",
        "middle",
        "high",
        "unit",
        "leads_mobility",
        "leads_other",
        "protocol",
        "source",
        "assumption",
    ]
    return pd.DataFrame(rows, columns=columns)


def _named(overlay: dict[Any, Any], country: str, region: set[str]) -> bool:
    """Whether an overlay names a country."""
    return country in (region if overlay["countries"] == "*LAC" else str(overlay["countries"]).split(";"))


def _area_share(measures: Measures, overlay: dict[Any, Any], country: str) -> NDArray[np.float64]:
    """Share of the country's people, in places and on legs that end there, in the areas hit; by month."""
    areas = [x for x in str(overlay["admin1"]).split(";") if x]
    if not areas:
        return np.ones(measures.months)
    places = measures.route.places
    inside = (places["country"] == country).to_numpy()
    hit = inside & places["admin1"].isin(areas).to_numpy()
    days = (measures.places["person_days"] + measures.places["travel_days"]).mean(axis=0)
    whole, part = days[inside].sum(axis=0), days[hit].sum(axis=0)
    return np.divide(part, whole, out=np.zeros(measures.months), where=whole > 0)


def minimums(plan: Plan, language: str) -> pd.DataFrame:
    """Minimums of each country by its roles, the same list whatever platform exists.

    With the quantity planned.
    """
    measures = plan.measures
    rows = records(table("minimums"))
    values = {(q.resource, q.basis): q for q in plan.quantities if q.stage == ALL}
    last = len(measures.periods) - 1
    month, end = str(measures.periods["month"].iloc[last]), measures.periods["end"].iloc[last]
    cover = coverage("today", measures.countries, plan.cover.sectors, measures.periods["end"].iloc[[last]])
    names = translate_mechanisms(language)
    out = []
    every_role = country_roles(plan)
    for c, country in enumerate(measures.countries):
        roles = every_role[country]
        wanted = [*roles, "several"] if len(roles) > 1 else roles
        rule = lead_rule(country, "mobility", end)
        protection = cover.sectors.index("PRO")
        flags = [FLAGS[cover.flag[c, protection, p, 0]] for p in range(len(POPULATIONS))]
        worst = min(
            (f for p, f in enumerate(flags) if plan.population_need[1, c, last, protection, p] > 0),
            key=FLAGS.index,
            default="gap",
        )
        for row in rows:
            if row["role"] not in wanted:
                continue
            quantity = values.get((str(row["resource"]), str(row["basis"])))
            numbers = quantity.values[:, c, last] if quantity is not None else np.full(3, np.nan)
            out.append(
                (
                    country,
                    row["role"],
                    row["theme"],
                    row[f"minimum_{language}"],
                    row["resource"],
                    row["basis"],
                    *numbers,
                    quantity.unit if quantity else "",
                    month,
                    _names(rule["lead_mechanism"], names),
                    worst,
                    quantity is not None and quantity.row["counts_people"] == "1",
                    str(row["source_ref"] or row["source"]),
                    row["assumption"] == "1",
                )
            )
    columns = [
        "location_code",
        "role",
        "theme",
        "minimum",
        "resource",
        "basis",
        "low",
        "middle",
        "high",
        "unit",
        "period",
        "lead_mechanism",
        "coverage_flag",
        "counts_people",
        "source",
        "assumption",
    ]
    return pd.DataFrame(out, columns=columns)

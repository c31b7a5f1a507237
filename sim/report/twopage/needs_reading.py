"""What the brief takes from `sim.needs`: a published estimate enters, rows ready to print leave."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np
import pandas as pd

from sim.errors import DataError
from sim.needs.context import lead_rule, translate_mechanisms
from sim.needs.measures import measure
from sim.needs.safeguard import publish, round_quantity
from sim.needs.tables import load_standards, translate
from sim.needs.upstream import people_upstream
from sim.report.figures.needs import main_flags, worst_flags
from sim.report.needs_access import (
    REGIONAL_ONLY,
    NeedsLike,
    coordination_of,
    flag_key,
    funding_of,
    last_month,
    mechanism_roles,
    needs_of,
    sector_names,
    sector_table,
    short_mechanism,
    totals,
)
from sim.report.publication import rounded
from sim.report.style import short_count
from sim.report.twopage.content import Matrix, SectorRow, UpstreamRow
from sim.report.twopage.country import REGION, Spread
from sim.report.twopage.published import share_text
from sim.report.words import brief_phrase as say
from sim.report.words import check_language, country_name, number, phrase

if TYPE_CHECKING:
    from sim.needs.measures import Measures
    from sim.report.frame import RunLike

__all__ = ["NeedsFacts", "lead_words", "read_needs"]

logger = logging.getLogger(__name__)

#: The one quantity that stands for a sector on the page: resource and basis.
HEADLINE_RESOURCES: Final = {
    "WSH": ("water_supply", "total"),
    "SHL": ("shelter_places", "peak"),
    "FSC": ("rations", "total"),
    "NUT": ("children_nutrition", "total"),
    "HEA": ("consultations", "total"),
    "PRO": ("legal_orientation", "total"),
    "PRO-CPN": ("child_places", "peak"),
    "PRO-GBV": ("dignity_kits", "total"),
    "EDU": ("learning_places", "peak"),
    "X-TRN": ("transport_seats", "total"),
    "X-INT": ("integration_support", "total"),
    "MPC": ("cash_households", "total"),
    "X-INF": ("interpretation", "total"),
    "CCM": ("site_teams", "peak"),
    "LOG": ("food_weight", "total"),
}
#: A hyphen at which no line ends.
NO_BREAK: Final = "\u2011"
LITRES_IN_A_CUBIC_METRE, ONE_DECIMAL_BELOW = 1000.0, 10.0
MOST_MECHANISMS, MOST_AREAS, MOST_IMPACTS, MOST_COUNTRIES = 4, 3, 2, 12


@dataclass(frozen=True)
class NeedsFacts:
    """Needs of one country and month, published."""

    in_need: Spread | None
    in_need_before: Spread | None
    upstream_total: Spread | None
    upstream_before: Spread | None
    upstream: tuple[UpstreamRow, ...]
    sectors: tuple[SectorRow, ...]
    sectors_note: str
    usd_total: str
    matrix: Matrix
    matrix_note: str
    impacts: tuple[str, ...]
    trigger: str


def read_needs(
    run: RunLike, country: str, month: str, lang: str, needs: NeedsLike | None = None
) -> NeedsFacts | None:
    """Read one country and month out of an estimate; None where the needs room cannot work with this run.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str
        ISO 3166-1 alpha-3 code, or ``ALL``.
    month : str
        ``2023-08``.
    lang : str
        ``en`` or ``es``.
    needs : NeedsLike, optional
        An estimate made before.
    """
    try:
        estimate = needs_of(run, lang, needs)
    except DataError as refusal:  # the page says that there is no estimate; the rest of it still holds
        logger.warning("no needs estimate for this brief: %s", refusal)
        return None
    at_end = month == last_month(run)
    before = f"{pd.Timestamp(month) - pd.offsets.MonthBegin(1):%Y-%m}"
    year = int(month[:4])
    sectors = sector_rows(estimate, country, month, lang)
    ahead, ahead_before = upstream_pair(run, estimate, country, month)
    return NeedsFacts(
        in_need=people_in_need(estimate, country, month),
        in_need_before=people_in_need(estimate, country, before),
        upstream_total=upstream_total(ahead),
        upstream_before=upstream_total(ahead_before),
        upstream=upstream_rows(ahead, lang),
        sectors=sectors,
        sectors_note=(
            funding_note(month, lang) + say("sectors_note_ALL" if country == REGION else "sectors_note", lang)
            if sectors
            else ""
        ),
        usd_total=usd_text(one_number(totals(estimate, month), country, "requirement", "ALL"), lang),
        matrix=matrix_of(estimate, country, year, lang),
        matrix_note=say("matrix_note_year", lang, year=year),
        impacts=impact_lines(estimate, country, month, lang),
        trigger=trigger_words(estimate, country, lang) if at_end else "",
    )


def funding_note(month: str, lang: str) -> str:
    """Which funding the table assumes."""
    return say(
        "sectors_funding", lang, funding=translate("funding", "id", check_language(lang))[funding_of(month)]
    )


def lead_words(country: str, month: str, lang: str) -> str:
    """Lead mechanism in force, and the second one."""
    if country == REGION:
        return ""
    rule = lead_rule(country, "mobility", pd.Timestamp(month) + pd.offsets.MonthEnd(0))
    names = translate_mechanisms(check_language(lang))
    lead, second = (mechanism_words(rule[key], names) for key in ("lead_mechanism", "second_mechanism"))
    lead = lead or say("none_named", lang)
    return say("second", lang, lead=lead, second=second) if second else lead


def mechanism_words(joined: str, names: dict[str, str]) -> str:
    """Mechanism ids in words."""
    return "; ".join(short_mechanism(names.get(part, part)) for part in joined.split(";") if part)


def one_number(frame: pd.DataFrame, country: str, measure: str, sector: str) -> float:
    """One middle value of the month's totals; summed over countries for the region."""
    rows = frame[(frame["measure"] == measure) & (frame["sector_code"] == sector)]
    if country != REGION:
        rows = rows[rows["location_code"] == country]
    return float(rows["middle"].sum(min_count=1))


def people_in_need(estimate: NeedsLike, country: str, month: str) -> Spread | None:
    """People in need, or times in need for the region; None where hidden or not there."""
    frame = totals(estimate, month)
    regional = country == REGION
    rows = frame[
        (frame["measure"] == ("times_in_need" if regional else "unique_people"))
        & (frame["population_status"] == "INN")
        & (frame["sector_code"] == "ALL")
        & (frame["location_code"] == ("REG" if regional else country))
    ]
    if rows.empty or rows["middle"].isna().all():
        return None
    row = rows.iloc[0]
    return Spread(float(row["middle"]), float(row["low"]), float(row["high"]))


def sector_rows(estimate: NeedsLike, country: str, month: str, lang: str) -> tuple[SectorRow, ...]:
    """The sector table of page one."""
    table = sector_table(estimate, None if country == REGION else country, month)
    frame = totals(estimate, month)
    frame = frame[frame["measure"] == "resource"]
    if country != REGION:
        frame = frame[frame["location_code"] == country]
    names = sector_names(lang)
    rows = []
    for row in table.to_dict("records"):
        code, money = str(row["sector"]), float(row["usd"])
        sensitive = code in REGIONAL_ONLY and country != REGION
        hidden = bool(np.isnan(float(row["middle"]))) or sensitive
        rows.append(
            SectorRow(
                sector=names.get(code, code),
                in_need=say("regional_only", lang)
                if sensitive
                else "<15"
                if hidden
                else number(float(row["middle"]), lang),
                interval=""
                if hidden
                else f"{number(float(row['low']), lang)}–{number(float(row['high']), lang)}",
                **unit_words(frame, code, lang),
                usd=usd_text(money, lang),
                usd_range=usd_range(row, "usd", lang),
                funded=share_text(float(row["funded"]) / money, lang) if money > 0 else "–",
                gap=usd_text(float(row["gap"]), lang),
                gap_range=usd_range(row, "gap", lang),
                lead="–"
                if country == REGION
                else first_mechanism(str(row["lead"])) or say("none_named", lang),
                flag=phrase(flag_key(str(row["flag"])), lang),
            )
        )
    return tuple(rows)


def first_mechanism(joined: str) -> str:
    """The first of several mechanisms, and how many more there are."""
    names = [name for name in (short_mechanism(part) for part in joined.split(";")) if name]
    return "" if not names else names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


def usd_text(value: float, lang: str) -> str:
    """Money, short."""
    return "–" if np.isnan(value) else short_count(float(f"{value:.3g}"), lang)


def usd_range(row: dict[Any, Any], name: str, lang: str) -> str:
    """Lowest and highest USD of a number; blank where there is none."""
    low, high = float(row[f"{name}_low"]), float(row[f"{name}_high"])
    return "" if np.isnan(low) else f"{usd_text(low, lang)}–{usd_text(high, lang)}"


class UnitWords(TypedDict):
    """The quantity of a sector and its range."""

    units: str
    units_range: str


def unit_words(frame: pd.DataFrame, sector: str, lang: str) -> UnitWords:
    """The quantity that stands for a sector, and between what it lies."""
    if sector not in HEADLINE_RESOURCES:
        return {"units": "–", "units_range": ""}
    resource, basis = HEADLINE_RESOURCES[sector]
    rows = frame[(frame["resource"] == resource) & (frame["basis"] == basis)]
    sums = rows[["low", "middle", "high"]].sum(min_count=1).to_numpy(dtype=float)
    low, value, high = (float(x) for x in round_quantity(sums))
    if np.isnan(value):
        return {"units": "–", "units_range": ""}
    if resource == "water_supply":
        low, value, high = (x / LITRES_IN_A_CUBIC_METRE for x in (low, value, high))
    return {
        "units": say(f"unit_{resource}", lang, value=quantity_text(value, lang)),
        "units_range": f"{quantity_text(low, lang)}–{quantity_text(high, lang)}",
    }


def quantity_text(value: float, lang: str) -> str:
    """A quantity, with one decimal where it is small."""
    return number(value, lang, 1 if value < ONE_DECIMAL_BELOW and value % 1 else 0)


def upstream_at(run: RunLike, measures: Measures, month: str) -> pd.DataFrame:
    """The upstream table at the end of an earlier month, published like that of the last one; empty before the first."""
    starts = pd.to_datetime(measures.periods["start"].iloc[: measures.months])
    if pd.Timestamp(month) < starts.iloc[0]:
        return pd.DataFrame()
    position = int((starts < pd.Timestamp(month)).sum())
    return publish(
        people_upstream(run, measures, position), people="middle", values=["low", "middle", "high"]
    )


def upstream_pair(
    run: RunLike, estimate: NeedsLike, country: str, month: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """People upstream of a country at the end of a month and of the month before; both empty for the region."""
    if country == REGION:
        return pd.DataFrame(), pd.DataFrame()
    measures = measure(run, load_standards())
    before = f"{pd.Timestamp(month) - pd.offsets.MonthBegin(1):%Y-%m}"
    now = estimate.upstream if month == last_month(run) else upstream_at(run, measures, month)
    return upstream_of(now, country), upstream_of(upstream_at(run, measures, before), country)


def upstream_of(rows: pd.DataFrame, country: str) -> pd.DataFrame:
    """Rows upstream of one country that may be printed."""
    if rows.empty or country == REGION:
        return rows.iloc[:0]
    return rows[(rows["location_code"] == country) & rows["middle"].notna()]


def upstream_total(rows: pd.DataFrame) -> Spread | None:
    """People two to eight weeks upstream: the areas added up, with the sums of their bounds."""
    rows = rows[rows["weeks"] == "2-8"] if len(rows) else rows
    if rows.empty:
        return None
    return Spread(*(rounded(float(rows[name].sum())) for name in ("middle", "low", "high")))


def upstream_rows(rows: pd.DataFrame, lang: str) -> tuple[UpstreamRow, ...]:
    """People upstream by weeks, with the areas where most of them are."""
    out = []
    for weeks in ("0-2", "2-8", "8+"):
        part = rows[rows["weeks"] == weeks] if len(rows) else rows
        if part.empty:
            continue
        low, middle, high = (rounded(float(part[name].sum())) for name in ("low", "middle", "high"))
        largest = part.sort_values("middle", ascending=False).head(MOST_AREAS)
        places = [
            str(area) or country_name(str(origin), lang)
            for area, origin in zip(largest["admin1_name"], largest["from_country"], strict=True)
        ]
        interval = f"{number(low, lang)}–{number(high, lang)}"
        out.append(
            UpstreamRow(
                say(f"weeks_{weeks}", lang),
                number(middle, lang),
                interval,
                ", ".join(places).replace("-", NO_BREAK),
            )
        )
    return tuple(out)


def matrix_of(estimate: NeedsLike, country: str, year: int, lang: str) -> Matrix:
    """Sectors by mechanisms with the worst finding; for the region, findings counted over countries."""
    rows = coordination_of(estimate, None if country == REGION else country, year)
    if rows.empty:
        return Matrix((), ())
    codes = set(rows["sector_code"].astype(str))
    names = sector_names(lang)
    sectors = [code for code in names if code in codes]
    head, finding = phrase("matrix_main", lang), say("sector", lang)
    if country == REGION:
        return regional_matrix(rows, sectors, lang)
    mechanisms, roles = mechanism_roles(rows)
    mechanisms = mechanisms[:MOST_MECHANISMS]
    main, worst = main_flags(rows, "sector_code"), worst_flags(rows, "sector_code")
    cells = []
    for code in sectors:
        done = [roles.get(code, {}).get(name, "") for name in mechanisms]
        words = [phrase(f"matrix_{role}", lang) if role else "–" for role in done]
        found = phrase(flag_key(main[code]), lang)
        if worst[code] != main[code]:
            found += say("matrix_others", lang, finding=phrase(flag_key(worst[code]), lang))
        cells.append((names[code], *words, found))
    return Matrix((finding, *mechanisms, head), tuple(cells))


def regional_matrix(rows: pd.DataFrame, sectors: list[str], lang: str) -> Matrix:
    """Countries by finding for most people in each sector; the countries with most people in need."""
    names = sector_names(lang)
    size = rows.groupby(rows["location_code"].astype(str))["middle"].sum().sort_values(ascending=False)
    rows = rows[rows["location_code"].isin(size.index[:MOST_COUNTRIES])]
    found = ("gap", "no_lead", "duplication", "covered_scarce")
    cells = []
    for code in sectors:
        part = rows[rows["sector_code"] == code]
        main = main_flags(part, "location_code")
        lists = [
            ", ".join(sorted(country for country, flag in main.items() if flag == kind)) or "–"
            for kind in found
        ]
        cells.append((names[code], *lists))
    return Matrix((say("sector", lang), *(phrase(flag_key(kind), lang) for kind in found)), tuple(cells))


def impact_lines(estimate: Any, country: str, month: str, lang: str) -> tuple[str, ...]:  # noqa: ANN401 - may lack impacts
    """Double impact of the month: events, people in the areas hit, and who leads what."""
    rows = getattr(estimate, "impacts", None)
    if rows is None or rows.empty:
        return ()
    keep = pd.to_datetime(rows["reference_period_start"]) == pd.Timestamp(month)
    if country != REGION:
        keep &= rows["location_code"] == country
    chosen = rows[keep].sort_values(["impacts", "middle"], ascending=False).head(MOST_IMPACTS)
    lines = []
    for row in chosen.to_dict("records"):
        place = f"{country_name(str(row['location_code']), lang)}: " if country == REGION else ""
        values: dict[str, object] = {
            "events": place + str(row["events"]),
            "mobility": short_mechanism(str(row["leads_mobility"])) or say("none_named", lang),
            "disaster": short_mechanism(str(row["leads_other"])) or say("none_named", lang),
        }
        if np.isnan(float(row["middle"])):
            lines.append(say("overlay_impact_hidden", lang, **values))
        else:
            low, high = (number(float(row[end]), lang) for end in ("low", "high"))
            told = f"{number(float(row['middle']), lang)} ({say('interval80', lang, low=low, high=high)})"
            lines.append(say("overlay_impact", lang, people=told, **values))
    return tuple(lines)


def trigger_words(estimate: Any, country: str, lang: str) -> str:  # noqa: ANN401 - may lack triggers
    """The forward look of `sim.needs`: chance, threshold, and how often it was wrong."""
    rows = getattr(estimate, "triggers", None)
    if rows is None or rows.empty or country == REGION:
        return ""
    rows = rows[(rows["location_code"] == country) & (rows["trigger"] == "surge") & rows["threshold"].notna()]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    basis = "basis_hindcast" if str(row["basis"]) == "hindcasts" else "basis_run"
    return say(
        "trigger_ahead",
        lang,
        probability=share_text(float(row["probability"]), lang),
        threshold=number(float(row["threshold"]), lang),
        false=share_text(float(row["false_alarm_rate"]), lang),
        missed=share_text(float(row["miss_rate"]), lang),
        basis=say(basis, lang),
    )

"""From a run to the two pages: tables enter, the content model leaves, every number published by one rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np
import pandas as pd

from sim.report.figures.policies import policy_title
from sim.report.frame import Provenance, RunLike, group_name, provenance
from sim.report.publication import is_published, published_parts, rounded
from sim.report.twopage.content import (
    Bar,
    Brief,
    GroupRow,
    Headline,
    Level,
    Matrix,
    Pair,
    ScenarioRow,
    TrendPoint,
    Trigger,
    UpstreamRow,
)
from sim.report.twopage.country import REGION, CountryMonth, FloatArray, Spread, read_country, spread
from sim.report.twopage.needs_reading import NeedsFacts, lead_words, read_needs
from sim.report.twopage.published import count_text, interval_text, share_text
from sim.report.twopage.skill import skill_part
from sim.report.words import brief_phrase as say
from sim.report.words import check_language, country_name, month_name, number, short_month

if TYPE_CHECKING:
    from sim.report.needs_access import NeedsLike

__all__ = ["brief"]

DIRECTIONS: Final = ("northward", "southward", "lateral", "return")
RED, AMBER, MONTHS_BEFORE, FEWEST_MONTHS, FEWEST_PERSONS = 1.5, 1.2, 12, 3, 50.0
#: Countries that plan with the Atlantic hurricane season, and its months.
HURRICANES: Final = frozenset(
    {"HND", "NIC", "GTM", "CRI", "MEX", "BLZ", "SLV", "HTI", "DOM", "CUB", "USA", "COL", REGION}
)
HURRICANE_MONTHS: Final = range(6, 12)
MOST_GROUPS = 5
MONTHS_SHOWN = 18
ABOUT_THE_SAME = 0.05


def brief(
    run: RunLike,
    country: str = REGION,
    lang: str = "en",
    *,
    month: str | None = None,
    beside: Sequence[RunLike] = (),
    skill: pd.DataFrame | None = None,
    needs: NeedsLike | None = None,
) -> Brief:
    """The two-page brief of one country and month, or of the region.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str
        ISO 3166-1 alpha-3 code, or ``ALL`` for the regional brief.
    lang : str
        ``en`` or ``es``.
    month : str, optional
        ``2023-08``; the last month of the run if not given.
    beside : sequence of RunLike
        Other scenarios to show side by side; best made with the same seed.
    skill : DataFrame, optional
        Scored forecasts: border, inside_share, error, relative_to_naive. If not given, `skill.csv` of the run
        folder, else the installed archive of forecasts, else the run beside its own counts, labelled as fit.
    needs : NeedsLike, optional
        An estimate of `sim.needs.estimate` for all countries and in this language; made if not given.

    Returns
    -------
    Brief
        Save it with ``.save("panama.pdf")`` or ``.save("panama.html")``.
    """
    check_language(lang)
    code = country.upper()
    facts = read_country(run, code, month)
    found = read_needs(run, code, f"{facts.month:%Y-%m}", lang, needs)
    source = provenance(run)
    when = month_name(facts.month.year, facts.month.month, lang)
    name = country_name(code, lang)
    regional = code == REGION
    skill_rows, skill_note = skill_part(run, code, lang, facts.month, skill)
    directions = direction_bar(facts, lang)
    groups = group_rows(run, facts, lang)
    upstream = upstream_rows(facts, found, lang)
    return Brief(
        lang=lang,
        country=code,
        title=say("title_ALL" if regional else "title", lang, country=name),
        subtitle=say("subtitle", lang, month=when, scenario=source.scenario),
        facts=fact_pairs(run, facts, lang),
        headlines=headline_numbers(facts, found, lang),
        trigger=trigger_light(facts, found.trigger if found else "", lang),
        directions=directions,
        directions_note="" if directions else say("direction_none", lang),
        trend=trend_points(facts, lang),
        trend_title=say("trend_ALL" if regional else "trend", lang),
        sectors=found.sectors if found else (),
        sectors_note=found.sectors_note if found and found.sectors else say("sectors_none", lang),
        groups=groups,
        groups_note=say(
            ("groups_present" if regional else "groups_entries") if groups else "groups_none", lang
        ),
        upstream=upstream,
        upstream_note=upstream_words(upstream, found, regional, lang),
        scenarios=scenario_rows(run, facts, found, beside, lang),
        scenarios_note=say("scenarios_note" if beside else "scenarios_none", lang),
        overlay=double_impact(run, facts, found.impacts if found else (), lang),
        matrix=found.matrix if found else Matrix((), ()),
        matrix_note=found.matrix_note if found and found.matrix.rows else say("matrix_none", lang),
        skill=skill_rows,
        skill_note=skill_note,
        **small_print(source, f"{name} · {facts.month:%Y-%m}", lang),
    )


class SmallPrint(TypedDict):
    """The closing lines of page two."""

    sources: tuple[str, ...]
    assumptions: tuple[str, ...]
    not_for: tuple[str, ...]
    correct: str
    footer: str


def small_print(source: Provenance, subject: str, lang: str) -> SmallPrint:
    """Sources, assumptions, what it is not for, how to correct it."""
    origin = say("source_run", lang, hash=(source.result_hash or "?")[:12])
    return {
        "sources": (origin, say("source_observed", lang), say("source_needs", lang)),
        "assumptions": tuple(say(f"assume_{key}", lang) for key in ("policies", "profiles", "rounding")),
        "not_for": tuple(say(f"not_{key}", lang) for key in ("people", "enforcement", "count")),
        "correct": say("correct_text", lang),
        "footer": " · ".join(
            (f"Travesía {source.version}", source.scenario, subject, source.result_hash[:16])
        ),
    }


def fact_pairs(run: RunLike, facts: CountryMonth, lang: str) -> tuple[Pair, ...]:
    """Country, month, version, data-as-of, run date, replicates, lead."""
    source = provenance(run)
    observed = run.summary[run.summary["observed"].notna()]["month"]
    as_of = say("no_observed", lang)
    if len(observed):
        last = pd.Timestamp(str(observed.max()))
        as_of = short_month(last.year, last.month, lang)
    lead = lead_words(facts.country, f"{facts.month:%Y-%m}", lang) or say("lead_ALL", lang)
    return (
        Pair(say("country", lang), country_name(facts.country, lang)),
        Pair(say("month", lang), month_name(facts.month.year, facts.month.month, lang)),
        Pair(say("lead", lang), lead),
        Pair(say("data_as_of", lang), as_of),
        Pair(say("run_date", lang), source.created[:10] or say("unknown", lang)),
        Pair(say("version", lang), f"Travesía {source.version}"),
        Pair(say("replicates", lang), number(source.replicates, lang)),
    )


def headline_numbers(facts: CountryMonth, needs: NeedsFacts | None, lang: str) -> tuple[Headline, ...]:
    """The five numbers of page one."""
    regional = facts.country == REGION
    before = facts.entries[-2] if len(facts.entries) > 1 else None
    present_before = facts.present[-2] if len(facts.present) > 1 else None
    rows = [
        headline("h_departures" if regional else "h_entries", facts.entries[-1], before, lang),
        headline("h_present", facts.present[-1], present_before, lang),
        given_headline(
            "times_in_need" if regional else "h_in_need",
            needs.in_need if needs else None,
            needs.in_need_before if needs else None,
            lang,
        ),
        headline("h_children_ALL" if regional else "h_children", facts.children, facts.children_before, lang),
    ]
    if regional:
        return (*rows, headline("h_waiting", facts.waiting, facts.waiting_before, lang))
    ahead = (needs.upstream_total, needs.upstream_before) if needs else (None, None)
    return (*rows, given_headline("h_upstream", *ahead, lang))


def headline(key: str, values: FloatArray, before: FloatArray | None, lang: str) -> Headline:
    """A headline from one value per replicate."""
    now = spread(values)
    many = len(values) > 1
    return headline_of(key, now, spread(before) if before is not None else None, many, lang)


def given_headline(key: str, now: Spread | None, before: Spread | None, lang: str) -> Headline:
    """A headline from a needs table; not available is said, not guessed."""
    if now is None:
        return Headline(say(key, lang), say("not_available", lang), "", "", "")
    return headline_of(key, now, before, True, lang)


def headline_of(key: str, now: Spread, before: Spread | None, many: bool, lang: str) -> Headline:
    """Publish one headline with its interval and change."""
    if not is_published(now.median):
        return Headline(say(key, lang), say("below", lang), "", "", "")
    interval = interval_text(now, lang) if many else say("one_replicate", lang)
    change, way = "", ""
    if before is not None and is_published(before.median):
        ratio = now.median / before.median - 1
        way = "same" if abs(ratio) < ABOUT_THE_SAME else "up" if ratio > 0 else "down"
        percent = ("+" if ratio > 0 else "−") + number(abs(100 * ratio), lang) + "\u00a0%"
        change = say("change_same", lang) if way == "same" else say("change", lang, change=percent)
    return Headline(say(key, lang), count_text(now.median, lang), interval, change, way)  # type: ignore[arg-type]


def trigger_light(facts: CountryMonth, ahead: str, lang: str) -> Trigger:
    """The light: a month against the median of the months before, in at least half of the replicates."""
    rule = f"{say('trigger_rule', lang)} {ahead}".strip()
    earlier = facts.entries[:-1][-MONTHS_BEFORE:]
    if len(earlier) < FEWEST_MONTHS:
        return Trigger("unknown", say("unlit", lang), say("trigger_short", lang), rule)
    usual = np.median(earlier, axis=0)
    if np.median(usual) < FEWEST_PERSONS:
        return Trigger("unknown", say("unlit", lang), say("trigger_few", lang), rule)
    ratio = facts.entries[-1] / np.maximum(usual, 1.0)
    level: Level = "red" if np.median(ratio) >= RED else "amber" if np.median(ratio) >= AMBER else "green"
    words = spread(ratio)
    reason = say(
        "trigger_reason_ALL" if facts.country == REGION else "trigger_reason",
        lang,
        ratio=number(words.median, lang, 2),
        low=number(words.low, lang, 2),
        high=number(words.high, lang, 2),
        n=len(earlier),
    )
    return Trigger(level, say(level, lang), reason, rule)


def trend_points(facts: CountryMonth, lang: str) -> tuple[TrendPoint, ...]:
    """The headline number of the last months, for the small chart."""
    shown = facts.entries[-MONTHS_SHOWN:]
    months = pd.date_range(end=facts.month, periods=len(shown), freq="MS")
    points = []
    for month, values in zip(months, shown, strict=True):
        now = spread(values)
        numbers = [
            rounded(value) if is_published(value) else 0.0 for value in (now.median, now.low, now.high)
        ]
        points.append(TrendPoint(short_month(month.year, month.month, lang), *numbers))
    return tuple(points)


def direction_bar(facts: CountryMonth, lang: str) -> tuple[Bar, ...]:
    """Shares of the directions in which people entered."""
    medians = published_parts({key: spread(values).median for key, values in facts.directions.items()})
    shares = {key: value for key in DIRECTIONS if (value := medians.get(key)) is not None}
    shown = sum(shares.values())
    return tuple(
        Bar(
            key,
            say(key, lang),
            value / shown,
            f"{number(value, lang)} ({share_text(value / shown, lang)}){around(facts.directions[key], lang, '; ')}",
        )
        for key, value in shares.items()
    )


def around(values: FloatArray, lang: str, before: str = "") -> str:
    """The 80 % interval over replicates; blank where there is one only."""
    return before + interval_text(spread(values), lang) if len(values) > 1 else ""


def group_rows(run: RunLike, facts: CountryMonth, lang: str) -> tuple[GroupRow, ...]:
    """Age and sex groups, then the largest nationalities."""
    medians = {key: spread(values).median for key, values in facts.groups.items()}
    whole = {key: medians[key] for key in ("women", "men", "girls", "boys")}
    total = sum(whole.values())
    if not is_published(total):
        return ()
    total = rounded(total)  # a share of the unrounded total would tell it
    shown = published_parts(whole)
    for key in ("under5", "older"):  # parts of the four above, not of the whole
        shown[key] = rounded(medians[key]) if is_published(medians[key]) else None
    rows = [(say(key, lang), value, facts.groups[key]) for key, value in shown.items()]
    nations = published_parts({key: spread(values).median for key, values in facts.nationalities.items()})
    largest = sorted(
        ((key, value) for key, value in nations.items() if value is not None), key=lambda pair: -pair[1]
    )
    rows += [
        (group_name(run, key, lang), value, facts.nationalities[key]) for key, value in largest[:MOST_GROUPS]
    ]
    return tuple(
        GroupRow(label, say("withheld", lang), "", 0.0, "")
        if value is None
        else GroupRow(
            label,
            number(value, lang),
            between(each, lang),
            min(value / total, 1.0),  # rounded up, and of another median, a part may be more than the whole
            share_text(min(value / total, 1.0), lang),
        )
        for label, value, each in rows
    )


def between(values: FloatArray, lang: str) -> str:
    """The 80 % interval over replicates as two numbers; blank where there is one replicate only."""
    return interval_text(spread(values), lang, short=True) if len(values) > 1 else ""


def upstream_rows(facts: CountryMonth, needs: NeedsFacts | None, lang: str) -> tuple[UpstreamRow, ...]:
    """Who is on the way (country brief), or where people are (regional brief)."""
    if facts.country != REGION:
        return needs.upstream if needs else ()
    rows = []
    for row in facts.by_country.itertuples():
        present = Spread(float(row.median), float(row.low), float(row.high))  # type: ignore[arg-type]
        if is_published(present.median) and row.country:
            extra = count_text(float(row.entries), lang)  # type: ignore[arg-type]
            rows.append(
                UpstreamRow(
                    country_name(str(row.country), lang),
                    count_text(present.median, lang),
                    interval_text(present, lang, short=True),
                    extra,
                )
            )
    return tuple(rows[:9])


def upstream_words(rows: tuple[UpstreamRow, ...], found: NeedsFacts | None, regional: bool, lang: str) -> str:
    """The sentence under the table: what it counts, or why it is empty."""
    if rows:
        return say("upstream_note_ALL" if regional else "upstream_note", lang)
    return say("upstream_none" if found else "upstream_unknown", lang)


def scenario_rows(
    run: RunLike, facts: CountryMonth, needs: NeedsFacts | None, beside: Sequence[RunLike], lang: str
) -> tuple[ScenarioRow, ...]:
    """The scenario of the run and those beside it, for the same country and month."""
    if not beside:
        return ()
    month = f"{facts.month:%Y-%m}"
    others = [
        scenario_row(
            other,
            read_country(other, facts.country, month),
            read_needs(other, facts.country, month, lang),
            lang,
        )
        for other in list(beside)[:2]
    ]
    return (scenario_row(run, facts, needs, lang), *others)


def scenario_row(run: RunLike, facts: CountryMonth, needs: NeedsFacts | None, lang: str) -> ScenarioRow:
    """Entries, people present, in need and cost of one scenario."""
    missing = say("not_available", lang)

    def both(values: Spread | None) -> str:
        return (
            missing
            if values is None
            else f"{count_text(values.median, lang)} ({interval_text(values, lang, short=True)})"
        )

    return ScenarioRow(
        provenance(run).scenario,
        both(spread(facts.entries[-1])),
        both(spread(facts.present[-1])),
        both(needs.in_need if needs else None),
        needs.usd_total if needs and needs.usd_total else missing,
    )


def double_impact(run: RunLike, facts: CountryMonth, known: tuple[str, ...], lang: str) -> tuple[str, ...]:
    """What else strikes a country in a month: events on record, hazards of the scenario, and the season."""
    rows = list(known)
    end = facts.month + pd.offsets.MonthEnd(0)
    places = {str(place.id): str(place.country) for place in run.scenario.world.places}
    for policy in run.scenario.policies:
        if str(getattr(policy.instrument, "value", policy.instrument)) != "hazard" or not touches(
            policy, facts.country, places
        ):
            continue
        start = pd.Timestamp(policy.start)
        last = pd.Timestamp(policy.end) if getattr(policy, "end", None) else end
        if start <= end and last >= facts.month:
            rows.append(
                say("overlay_hazard", lang, title=policy_title(policy, lang), start=f"{start:%Y-%m-%d}")
            )
    if facts.country in HURRICANES and facts.month.month in HURRICANE_MONTHS:
        rows.append(say("overlay_hurricane", lang))
    return tuple(rows[:4]) or (say("overlay_none", lang),)


def touches(policy: Any, country: str, places: dict[str, str]) -> bool:  # noqa: ANN401 - any instrument
    """Whether a policy acts on a country: by its countries, places or legs."""
    if country == REGION:
        return True
    named = set(getattr(policy, "countries", None) or ())
    named |= {places.get(str(place), "") for place in getattr(policy, "places", None) or ()}
    for leg in getattr(policy, "legs", None) or ():
        named |= {places.get(part, "") for part in str(leg).split("--")[:2]}
    return country in named

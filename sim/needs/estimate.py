"""Needs from a run: a run in, every published table of coordination needs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.errors import DataError
from sim.needs import context, money_rows, rows, safeguard, upstream
from sim.needs.axes import ALL, REGION
from sim.needs.coordination import arrangement_id
from sim.needs.keys import Keys
from sim.needs.measures import Measures, measure
from sim.needs.needs import Needs
from sim.needs.overview import assumptions_of, overview_of, sources_of
from sim.needs.plan import Plan, plan_needs
from sim.needs.rows import PARTS
from sim.needs.safeguard import Margins
from sim.needs.tables import SECTORS_WITHOUT_NEED, categories, load_standards, table, translate

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.needs.world import RunTables

__all__ = ["estimate", "published_rows"]

_NUMBERS: Final = ("population", "population_lo80", "population_hi80", "low", "middle", "high")
_THREE: Final = ("low", "middle", "high")
_PLACE: Final = ("location_code", "_period", "admin1_code")
_PEOPLE: Final = Margins(
    {"category": ALL, "population_group": ALL, "gender": ALL, "age_range": ALL, "admin1_code": ""},
    ("location_code", "_period", "sector_code", "population_status", "measure", "basis", "funding", "_host"),
)
_EVENTS: Final = Margins(
    {
        "category": ALL,
        "population_group": ALL,
        "gender": ALL,
        "age_range": ALL,
        "admin1_code": "",
        "period_month": ALL,
        "location_code": REGION,
    },
    ("period_year", "measure", "sector_code"),
)
_EVERY_SECTOR, _COORDINATION = SECTORS_WITHOUT_NEED
_MONEY: Final = Margins({"sector_code": _EVERY_SECTOR}, ("location_code", "_period"))
_RESOURCES: Final = Margins(
    {"category": ALL, "period_month": ALL},
    ("location_code", "period_year", "resource", "basis"),
)


def estimate(
    run: RunTables,
    *,
    country: str | None = None,
    lang: str = "en",
    standards: str | Path | pd.DataFrame | None = None,
    arrangement: str = "today",
    funding: str | float | None = None,
    hindcast: pd.DataFrame | None = None,
) -> Needs:
    """Estimate coordination needs from a run.

    Parameters
    ----------
    run : Run
        A run as opened by ``sim.results.open_run``.
    country : str, optional
        ISO3 code; all countries of the run if left out.
    lang : str
        ``en`` or ``es``: language of names in the tables.
    standards : path or DataFrame, optional
        Local standards; every change is kept in ``Needs.audit``.
    arrangement : str
        ``today``, ``national_platforms`` or ``single_structure``.
    funding : str or float, optional
        ``2019``, ``2023``, ``2025``, an id of ``funding.csv``, or a share from 0 to 1; all three if left out.
    hindcast : pandas.DataFrame, optional
        Past forecasts of entries (country, month, forecast, observed), for the error rates of triggers.

    Returns
    -------
    Needs
        Frozen; every table in it has passed ``safeguard.publish``.
    """
    if lang not in ("en", "es"):
        msg = f"unknown language {lang!r}; expected 'en' or 'es'"
        raise DataError(msg)
    arrangement_id(arrangement)
    chosen = load_standards(standards)
    measures = measure(run, chosen)
    if country is not None and country not in measures.countries:
        msg = f"{country!r} is not in this run; expected one of {', '.join(measures.countries)}"
        raise DataError(msg)
    plan = plan_needs(measures, chosen, arrangement)
    scenario = str(getattr(getattr(run, "scenario", None), "name", "") or "")
    published = _named(published_rows(plan, scenario, funding), plan, lang)
    tables = _beside(run, plan, published, arrangement, lang, hindcast)
    needs = Needs(
        table=published,
        lang=lang,
        arrangement=arrangement,
        scenario=scenario,
        overview=overview_of(plan, published, lang),
        sources=sources_of(lang),
        assumptions=assumptions_of(plan, lang),
        audit=safeguard.publish(chosen.audit.copy()),
        manifest=_manifest(run, measures),
        **tables,
    )
    return needs if country is None else needs.for_country(country)


def _manifest(run: RunTables, measures: Measures) -> dict[str, str]:
    """What every product prints: data-as-of, run date, engine, number of replicates."""
    manifest = getattr(run, "manifest", None) or {}
    names = ("created", "run_date", "date", "version", "engine", "seed", "data_as_of", "result_hash")
    out = {name: str(manifest[name]) for name in names if name in manifest}
    seen = getattr(run, "summary", None)
    if "data_as_of" not in out and seen is not None and seen["observed"].notna().any():
        out["data_as_of"] = str(seen.loc[seen["observed"].notna(), "month"].max())
    out["window_start"] = str(measures.periods["start"].iloc[0].date())
    out["window_end"] = str(measures.periods["end"].iloc[measures.months - 1].date())
    out["replicates"] = str(measures.replicates)
    return out


def published_rows(plan: Plan, scenario: str, funding: str | float | None) -> pd.DataFrame:
    """The rows of the needs table, published; what any other table prints of them, it prints as here."""
    made = rows.Rows((*plan.measures.countries, REGION), plan.measures.periods)
    rows.head_rows(made, plan, scenario)
    rows.admin1_rows(made, plan)
    rows.sector_rows(made, plan)
    money_rows.resource_rows(made, plan)
    money_rows.money_rows(made, plan, funding, list(table("funding")["id"]))
    money_rows.regional_rows(made, plan, scenario)
    return _published(made.frame())


def _published(frame: pd.DataFrame) -> pd.DataFrame:
    """Pass the table through the safeguard, in the order in which one part hides another."""
    frame["_host"] = _mapped(frame["category"], {"host": "host"}, blank=True)
    part = frame["_part"].to_numpy()
    hide = np.zeros(len(frame), dtype=bool)
    keys = Keys(frame)
    cell = keys.combined((*_PLACE, "category", "population_group", "gender", "age_range"))
    total = keys.combined((*_PLACE, "category"))
    closed = np.zeros(int(cell.max(initial=0)) + 1, dtype=bool)
    shut = np.zeros(int(total.max(initial=0)) + 1, dtype=bool)
    for position, margins in enumerate((_PEOPLE, _PEOPLE, _EVENTS, _RESOURCES, _RESOURCES)):
        rows = np.flatnonzero(part == position)
        hide[rows] = closed[cell[rows]] | shut[total[rows]]
        central = np.where(hide[rows], np.nan, frame["_behind"].to_numpy()[rows])
        hide[rows] = safeguard.suppression(Keys(frame, rows), central, margins)
        if PARTS[position] == "headline":
            closed[cell[rows[hide[rows]]]] = True
            shut[total[rows[hide[rows] & _is_total(keys)[rows]]]] = True
    money = np.flatnonzero(part == PARTS.index("money"))
    hide[money] = shut[total[money]] | _money_hidden(frame, keys, hide, money)
    return safeguard.publish(
        frame, people="middle", values=_NUMBERS, counts_people="counts_people", hidden=hide
    )


def _money_hidden(
    frame: pd.DataFrame, keys: Keys, hide: NDArray[np.bool_], money: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Money is people in need times a published cost: it is hidden with them.

    Then so much more that the sum over sectors tells no sector apart. Coordination is a share of that sum, and is hidden
    with it.
    """
    where = keys.combined(("location_code", "_period"))
    at = keys.combined(("location_code", "_period", "sector_code"))
    met = keys.is_label("population_status", "INN") & _is_total(keys) & keys.is_label("category", ALL)
    seats = keys.is_label("resource", "transport_cost") & keys.is_label("category", ALL)
    known = np.zeros(int(at.max(initial=0)) + 1, dtype=bool)
    known[at[met & ~hide]] = True
    known[at[(met | seats) & hide]] = False
    total, shared = (keys.is_label("sector_code", code) for code in SECTORS_WITHOUT_NEED)
    required = keys.is_label("measure", "requirement") & ~shared
    rows = money[required[money]]
    central = np.where(known[at[rows]], frame["middle"].to_numpy()[rows], np.nan)
    told = safeguard.suppression(Keys(frame, rows), central, _MONEY)
    closed, whole = np.zeros(known.shape, dtype=bool), np.zeros(int(where.max(initial=0)) + 1, dtype=bool)
    closed[at[rows[told]]] = True
    whole[where[rows[told & total[rows]]]] = True
    return np.asarray(np.where(shared[money], whole[where[money]], closed[at[money]]))


def _is_total(keys: Keys) -> NDArray[np.bool_]:
    out = keys.is_label("admin1_code", "")
    for name in ("population_group", "gender", "age_range"):
        out = out & keys.is_label(name, ALL)
    return out


def _named(frame: pd.DataFrame, plan: Plan, lang: str) -> pd.DataFrame:
    """Names beside codes, lead mechanisms, markers, and the columns in their published order."""
    frame["lead_mechanism"], frame["coverage_flag"] = money_rows.flag_columns(
        plan, frame, context.translate_mechanisms(lang)
    )
    fields = table("fields")
    order = list(fields.loc[fields["table"] == "needs", "name"])
    places = plan.measures.route.places.drop_duplicates("admin1_code").set_index("admin1_code")["admin1"]
    resources = table("resources").set_index("id")
    frame["location_name"] = _mapped(frame["location_code"], translate("countries", "code", lang))
    frame["admin1_name"] = _mapped(frame["admin1_code"], {str(k): str(v) for k, v in places.items()})
    frame["sector_name"] = _mapped(frame["sector_code"], translate("sectors", "code", lang))
    for marker in ("child_marker", "women_marker", "nexus"):
        frame[marker] = _mapped(
            frame["resource"], {str(k): str(v) for k, v in resources[marker].items()}, blank=True
        )
    levels = np.where(frame["admin1_code"] == "", 1, 2)
    frame["admin_level"] = categories(np.where(frame["location_code"] == REGION, 0, levels), ["", "0", "1"])
    renamed = frame.rename(
        columns={
            "period_start": "reference_period_start",
            "period_end": "reference_period_end",
            "period_kind": "period",
        }
    )
    return renamed[order]


def _mapped(column: pd.Series, names: dict[str, str], *, blank: bool = False) -> pd.Series:
    known = [str(c) for c in column.cat.categories]
    labels = [names.get(c, "" if blank or c == "" else c) for c in known]
    unique = list(dict.fromkeys(labels))
    codes = np.array([unique.index(label) for label in labels], dtype=np.int16)[column.cat.codes.to_numpy()]
    return pd.Series(categories(codes, unique), index=column.index)


def _beside(
    run: RunTables,
    plan: Plan,
    published: pd.DataFrame,
    arrangement: str,
    lang: str,
    hindcast: pd.DataFrame | None,
) -> dict[str, pd.DataFrame]:
    """The tables beside the needs table, each through the safeguard."""
    ahead = upstream.people_upstream(run, plan.measures)
    found = upstream.triggers(run, plan.measures, hindcast)
    hit = context.impacts(plan, lang)
    made = {
        "coordination": _coordination(plan, published, arrangement, lang),
        "minimums": _minimums(plan, published, lang),
        "binational": _binational(plan, lang),
        "upstream": safeguard.publish(ahead, people="middle", values=_THREE),
        "triggers": safeguard.publish(found, people="middle", values=(*_THREE, "threshold"))
        if len(found)
        else found,
        "impacts": safeguard.publish(hit, people="middle", values=_THREE) if len(hit) else hit,
    }
    return {name: _with_columns(frame, name) for name, frame in made.items()}


def _with_columns(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give a table without rows the columns that ``fields.csv`` promises."""
    if len(frame):
        return frame
    fields = table("fields")
    return pd.DataFrame(columns=list(fields.loc[fields["table"] == name, "name"]))


def _coordination(plan: Plan, published: pd.DataFrame, arrangement: str, lang: str) -> pd.DataFrame:
    """Coordination matrix; a population is hidden also where the sector's printed total would give it away."""
    frame = context.coordination_matrix(plan, arrangement, lang)
    if frame.empty:
        return frame
    part = published[
        (published["period"] == "year")
        & (published["population_status"] == "INN")
        & (published["gender"] == ALL)
        & (published["sector_code"] != "ALL")
        & (published["measure"] == "unique_people")
    ]
    printed = part[part["suppressed"] == ""]
    years = printed["reference_period_start"].dt.year
    shown = set(zip(printed["location_code"], years, printed["sector_code"], strict=True))
    inside = frame[frame["population"] != "host"]
    totals = inside.groupby(["arrangement", "location_code", "year", "sector_code"], as_index=False)[
        list(_THREE)
    ].sum()
    totals["population"] = ALL
    both = pd.concat([frame, totals], ignore_index=True)
    both["_host"] = both["population"] == "host"
    hidden = (both["population"] == ALL).to_numpy(dtype=bool, copy=True)
    hidden[hidden] = [
        key not in shown
        for key in zip(totals["location_code"], totals["year"], totals["sector_code"], strict=True)
    ]
    margins = Margins({"population": ALL}, ("location_code", "year", "sector_code", "_host"))
    out = safeguard.publish(both, people="middle", values=_THREE, margins=margins, hidden=hidden)
    return out[out["population"] != ALL].drop(columns="_host").reset_index(drop=True)


def _minimums(plan: Plan, published: pd.DataFrame, lang: str) -> pd.DataFrame:
    """Minimums with the numbers of the published table."""
    frame = context.minimums(plan, lang).drop(columns=list(_THREE))
    last = published["reference_period_start"].max().year
    part = published[
        (published["measure"] == "resource")
        & (published["period"] == "year")
        & (published["category"] == ALL)
        & (published["reference_period_start"].dt.year == last)
    ]
    keys = ["location_code", "resource", "basis"]
    numbers = part[[*keys, *_THREE, "suppressed"]].astype(dict.fromkeys(keys, str))
    out = frame.merge(numbers, on=keys, how="left")
    return safeguard.publish(out)


def _binational(plan: Plan, lang: str) -> pd.DataFrame:
    """Border pairs; a border is hidden also where the country's printed entries would give it away."""
    frame = context.binational(plan.measures, lang)
    if frame.empty:
        return frame
    totals = frame.groupby(["to_country", "year"], as_index=False)[list(_THREE)].sum()
    totals["from_country"] = ALL
    both = pd.concat([frame, totals], ignore_index=True)
    out = safeguard.publish(
        both, people="middle", values=_THREE, margins=Margins({"from_country": ALL}, ("to_country", "year"))
    )
    for column in ("children_share", "irregular_share"):
        out[column] = out[column].round(2).where(out["suppressed"] == "")
    return out[out["from_country"] != ALL].reset_index(drop=True)

"""A small synthetic run, consistent with itself, for testing what people see without running an engine.

`make_run()` gives an object with the attributes of `sim.results.Run`: 42 months, real place names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Counts = npt.NDArray[np.int64]

#: id, name, country, lat, lon, role, irregular
PLACES = (
    ("caracas", "Caracas", "VEN", 10.488, -66.8792, "origin", False),
    ("cucuta", "Cúcuta / Villa del Rosario", "COL", 7.9074, -72.5049, "transit", False),
    ("quito", "Quito", "ECU", -0.2298, -78.525, "origin", False),
    ("santiago", "Santiago", "CHL", -33.4569, -70.6483, "origin", False),
    ("port-au-prince", "Port-au-Prince", "HTI", 18.5435, -72.3388, "origin", False),
    ("havana", "La Habana", "CUB", 23.133, -82.383, "origin", False),
    ("medellin", "Medellín (Terminal del Norte)", "COL", 6.245, -75.5715, "transit", False),
    ("necocli", "Necoclí", "COL", 8.4263, -76.7893, "transit", False),
    ("acandi", "Acandí", "COL", 8.5116, -77.2772, "transit", False),
    ("come-gallina", "Come Gallina", "PAN", 8.4231, -77.4926, "transit", True),
    ("bajo-chiquito", "Bajo Chiquito", "PAN", 8.32, -77.57, "reception", False),
    ("lajas-blancas", "ETRM Lajas Blancas", "PAN", 8.415, -77.8087, "reception", False),
    ("panama-city", "Panama City", "PAN", 8.9936, -79.5197, "transit", False),
    ("los-planes", "Los Planes de Gualaca station", "PAN", 8.62, -82.24, "reception", False),
    ("paso-canoas", "Paso Canoas", "CRI", 8.533, -82.8384, "crossing", False),
    ("san-jose-cr", "San José", "CRI", 9.9339, -84.0849, "transit", False),
    ("los-chiles", "Los Chiles / Las Tablillas", "CRI", 11.0325, -84.7154, "crossing", False),
    ("managua", "Managua", "NIC", 12.1328, -86.2504, "transit", False),
    ("danli", "Danlí", "HND", 14.0333, -86.5833, "reception", False),
    ("tegucigalpa", "Tegucigalpa", "HND", 14.0818, -87.2068, "origin", False),
    ("agua-caliente", "Agua Caliente border", "HND", 14.51, -89.28, "crossing", False),
    ("guatemala-city", "Guatemala City", "GTM", 14.6407, -90.5133, "transit", False),
    ("tapachula", "Tapachula", "MEX", 14.9054, -92.2589, "reception", False),
    ("mexico-city", "Mexico City", "MEX", 19.4285, -99.1277, "transit", False),
    ("monterrey", "Monterrey", "MEX", 25.6843, -100.3172, "transit", False),
    ("ciudad-juarez", "Ciudad Juárez", "MEX", 31.7202, -106.4608, "crossing", False),
    ("us-el-paso", "El Paso sector", "USA", 31.7587, -106.4869, "crossing", False),
    ("us-rgv", "Rio Grande Valley sector (McAllen/Brownsville)", "USA", 26.2034, -98.23, "crossing", False),
    ("us-interior", "US interior (Houston as proxy)", "USA", 29.7633, -95.3633, "destination", False),
)

TRUNK = [
    "necocli",
    "acandi",
    "come-gallina",
    "bajo-chiquito",
    "lajas-blancas",
    "panama-city",
    "los-planes",
    "paso-canoas",
    "san-jose-cr",
    "los-chiles",
    "managua",
    "danli",
    "tegucigalpa",
    "agua-caliente",
    "guatemala-city",
    "tapachula",
    "mexico-city",
]
NORTH = (
    ["mexico-city", "ciudad-juarez", "us-el-paso", "us-interior"],
    ["mexico-city", "monterrey", "us-rgv", "us-interior"],
)
#: group -> (paths to the start of the trunk or later, share)
FEEDERS = {
    "VEN": "caracas cucuta medellin necocli",
    "ECU": "quito medellin necocli",
    "HTI": "santiago quito medellin necocli",
    "COL": "medellin necocli",
    "CHN": "quito medellin necocli",
    "CUB": "havana managua",
    "HND": "tegucigalpa agua-caliente",
}
NAMES = {
    "VEN": ("Venezuela", "Venezuela"),
    "ECU": ("Ecuador", "Ecuador"),
    "HTI": ("Haiti", "Haití"),
    "COL": ("Colombia", "Colombia"),
    "CHN": ("China", "China"),
    "CUB": ("Cuba", "Cuba"),
    "HND": ("Honduras", "Honduras"),
}
SIZE = {"VEN": 16_000, "ECU": 3_000, "HTI": 4_000, "COL": 700, "CHN": 900, "CUB": 6_000, "HND": 9_000}
BORDERS = (
    ("darien", "Darién", "Darién", "come-gallina", "bajo-chiquito", "persons"),
    (
        "honduras",
        "Honduras, irregular entries",
        "Honduras, ingresos irregulares",
        "managua",
        "danli",
        "persons",
    ),
    (
        "us_border_patrol",
        "US southwest, Border Patrol",
        "EE. UU. suroeste, Patrulla Fronteriza",
        "ciudad-juarez",
        "us-el-paso",
        "encounters",
    ),
)
DEMOGRAPHY = [(sex, age) for sex in ("female", "male") for age in ("0-4", "5-11", "12-17", "18-59", "60+")]
SHARES = np.array([0.035, 0.04, 0.03, 0.27, 0.015, 0.035, 0.045, 0.04, 0.475, 0.015])
SHARES = SHARES / SHARES.sum()
POLICIES = (
    (
        "mex-ven-visa",
        "visa",
        "2022-01-21",
        None,
        "Mexico: visa for Venezuelans",
        "México: visado para venezolanos",
    ),
    (
        "us-ven-process",
        "expulsion",
        "2022-10-12",
        "2023-01-05",
        "US: Venezuelans expelled under Title 42",
        "EE. UU.: expulsión de venezolanos (Título 42)",
    ),
    (
        "us-chnv",
        "pathway",
        "2023-01-05",
        "2025-03-25",
        "US: parole for four nationalities",
        "EE. UU.: permiso para cuatro nacionalidades",
    ),
    (
        "us-cbp-one",
        "appointment",
        "2023-01-12",
        "2025-01-20",
        "US: appointments by telephone",
        "EE. UU.: citas por aplicación móvil",
    ),
    (
        "pan-buses",
        "transport",
        "2023-10-01",
        None,
        "Panama and Costa Rica: direct buses",
        "Panamá y Costa Rica: autobuses directos",
    ),
)


@dataclass(frozen=True)
class SyntheticRun:
    """The attributes of `sim.results.Run` that figures read."""

    flows: pd.DataFrame
    stocks: pd.DataFrame
    outcomes: pd.DataFrame
    departures: pd.DataFrame
    summary: pd.DataFrame
    manifest: dict[str, Any]
    scenario: SimpleNamespace
    replicates: int
    path: Path | None = None


def make_run(
    replicates: int = 4, months: int = 42, seed: int = 1, name: str = "history/baseline", factor: float = 1.0
) -> SyntheticRun:
    """A synthetic run: `factor` scales the people after month 22, to make a second scenario that differs.

    Parameters
    ----------
    replicates, months, seed : int
        Size and luck.
    name : str
        Scenario name.
    factor : float
        People after October 2022, relative to the base.
    """
    rng = np.random.default_rng(seed)
    start = pd.date_range("2021-01-01", periods=months, freq="MS")
    departures, flows, stocks, outcomes = [], [], [], []
    country = {row[0]: row[2] for row in PLACES}
    for replicate in range(replicates):
        for group, feeder in FEEDERS.items():
            path = full_path(feeder.split())
            wave = (
                0.35
                + 0.65 * (np.sin(np.arange(months) / 6.0 + 0.3 * len(path)) ** 2)
                + np.arange(months) / months
            )
            wave = wave * np.where(np.arange(months) >= 22, factor, 1.0)
            people = rng.poisson(SIZE[group] * wave * rng.normal(1, 0.04))
            for month, count in zip(start, people, strict=True):
                departures.append((replicate, month, path[0], group, count))
            flows.extend(leg_rows(replicate, group, path, people, start))
            stocks.extend(stock_rows(replicate, group, path, people, start, country))
            outcomes.extend(outcome_rows(replicate, group, int(people.sum()), feeder.split()[0], country))
    flow_table = by_sex_and_age(
        pd.DataFrame(
            flows, columns=["replicate", "period_start", "from_place", "to_place", "nationality", "persons"]
        )
    )
    flow_table["leg"] = flow_table["from_place"] + "--" + flow_table["to_place"] + "--bus"
    flow_table["from_country"] = flow_table["from_place"].map(country)
    flow_table["to_country"] = flow_table["to_place"].map(country)
    south = flow_table["from_place"].eq("managua") & flow_table["to_place"].eq("los-chiles")
    flow_table["direction"] = np.where(south, "southward", "northward")
    stock_columns = ["replicate", "period_start", "place", "country", "status", "nationality", "person_days"]
    stock_table = by_sex_and_age(pd.DataFrame(stocks, columns=stock_columns), "person_days")
    stock_table["peak_persons"] = np.ceil(stock_table["person_days"] / 30 * 1.4).astype(int)
    outcome_columns = ["replicate", "nationality", "outcome", "country", "persons", "days_median", "days_p90"]
    return SyntheticRun(
        flows=flow_table,
        stocks=stock_table,
        outcomes=pd.DataFrame(outcomes, columns=outcome_columns),
        departures=pd.DataFrame(
            departures, columns=["replicate", "period_start", "place", "nationality", "persons"]
        ),
        summary=summary_of(flow_table, replicates),
        manifest={
            "scenario": name,
            "version": "0.1.0",
            "seed": seed,
            "engine": "agents",
            "created": "2024-07-15T09:00:00Z",
            "result_hash": "0" * 16,
        },
        scenario=make_scenario(name, start),
        replicates=replicates,
    )


def full_path(feeder: list[str]) -> list[str]:
    """Feeder, then the rest of the trunk, then the way to the interior."""
    join = feeder[-1]
    return feeder[:-1] + TRUNK[TRUNK.index(join) :] + NORTH[0][1:]


def leg_rows(
    replicate: int, group: str, path: list[str], people: Counts, start: pd.DatetimeIndex
) -> list[tuple[Any, ...]]:
    """People on each leg, thinning out and arriving later the further north, and a few going south."""
    rows = []
    for step, (here, there) in enumerate(zip(path, path[1:], strict=False)):
        late, share = step // 8, 0.985**step
        for index in range(late, len(start)):
            rows.append((replicate, start[index], here, there, group, int(people[index - late] * share)))
            if here == "los-chiles":
                rows.append(
                    (
                        replicate,
                        start[index],
                        "managua",
                        "los-chiles",
                        group,
                        int(people[index - late] * 0.04),
                    )
                )
    return rows


def stock_rows(
    replicate: int,
    group: str,
    path: list[str],
    people: Counts,
    start: pd.DatetimeIndex,
    country: dict[str, str],
) -> list[tuple[Any, ...]]:
    """Person-days at each place."""
    stay = {
        "medellin": 9,
        "necocli": 5,
        "lajas-blancas": 3,
        "tapachula": 21,
        "mexico-city": 30,
        "ciudad-juarez": 18,
    }
    rows = []
    for step, place in enumerate(path[:-1]):
        late = step // 8
        for index in range(late, len(start)):
            days = int(people[index - late] * 0.985**step * stay.get(place, 2))
            rows.append((replicate, start[index], place, country[place], "staying", group, days))
            if place == "lajas-blancas":
                rows.append((replicate, start[index], place, country[place], "stranded", group, days // 8))
    return rows


def outcome_rows(
    replicate: int, group: str, total: int, origin: str, country: dict[str, str]
) -> list[tuple[Any, ...]]:
    """Outcomes that add up to the people who departed."""
    parts = {
        ("arrived", "USA"): 0.62,
        ("settled", "MEX"): 0.06,
        ("settled", "CRI"): 0.03,
        ("returned", country[origin]): 0.05,
        ("removed", country[origin]): 0.08,
        ("died_or_missing", "PAN"): 0.0004,
    }
    counts = {key: int(total * share) for key, share in parts.items()}
    counts["on_route", "MEX"] = total - sum(counts.values())
    return [
        (replicate, group, outcome, where, count, 61.0, 140.0) for (outcome, where), count in counts.items()
    ]


def by_sex_and_age(frame: pd.DataFrame, value: str = "persons") -> pd.DataFrame:
    """Split a count by sex and age band; the largest cell takes the rounding rest."""
    parts = np.floor(frame[value].to_numpy()[:, None] * SHARES).astype(int)
    parts[:, 8] += frame[value].to_numpy() - parts.sum(axis=1)
    wide = frame.drop(columns=value)
    out = wide.loc[wide.index.repeat(len(DEMOGRAPHY))].reset_index(drop=True)
    out["sex"] = [sex for sex, _ in DEMOGRAPHY] * len(frame)
    out["age_band"] = [age for _, age in DEMOGRAPHY] * len(frame)
    out[value] = parts.ravel()
    return out


def summary_of(flows: pd.DataFrame, replicates: int) -> pd.DataFrame:
    """What `summary.csv` holds, with made-up observations beside the median."""
    rows = []
    for border, _, _, here, there, kind in BORDERS:
        part = flows[flows["from_place"].eq(here) & flows["to_place"].eq(there)]
        wide = part.groupby(["period_start", "nationality", "replicate"])["persons"].sum().reset_index()
        both = pd.concat(
            [
                wide,
                wide.groupby(["period_start", "replicate"], as_index=False)["persons"]
                .sum()
                .assign(nationality="ALL"),
            ]
        )
        for (month, group), cell in both.groupby(["period_start", "nationality"]):
            low90, low50, mid, high50, high90 = np.quantile(cell["persons"], [0.05, 0.25, 0.5, 0.75, 0.95])
            seen = mid * (1 + 0.15 * np.sin(month.month)) if month < pd.Timestamp("2024-03-01") else np.nan
            rows.append(
                (
                    border,
                    f"{month:%Y-%m}",
                    group,
                    mid,
                    low50,
                    high50,
                    low90,
                    high90,
                    seen,
                    kind,
                    f"{kind} per month",
                )
            )
    columns = [
        "border",
        "month",
        "nationality",
        "median",
        "lo50",
        "hi50",
        "lo90",
        "hi90",
        "observed",
        "observed_kind",
        "unit",
    ]
    return pd.DataFrame(rows, columns=columns)


def make_scenario(name: str, start: pd.DatetimeIndex) -> SimpleNamespace:
    """The few scenario attributes that figures read."""
    places = [
        SimpleNamespace(id=i, name=n, country=c, lat=a, lon=o, role=r, irregular=x)
        for i, n, c, a, o, r, x in PLACES
    ]
    groups = [SimpleNamespace(id=key, name_en=en, name_es=es) for key, (en, es) in NAMES.items()]
    borders = [
        SimpleNamespace(
            id=key,
            name_en=en,
            name_es=es,
            leg=f"{here}--{there}--bus",
            count_kind=kind,
            detection_parameter="",
        )
        for key, en, es, here, there, kind in BORDERS
    ]
    policies = [
        SimpleNamespace(
            id=key,
            event="us-january-2023" if key in ("us-chnv", "us-cbp-one") else key,
            instrument=kind,
            start=pd.Timestamp(first).date(),
            end=pd.Timestamp(last).date() if last else None,
            title={"en": en, "es": es},
            lag_days=0,
            phase_in_days=14,
            anticipation_days=0,
            fade_days=0,
        )
        for key, kind, first, last, en, es in POLICIES
    ]
    window = SimpleNamespace(start=start[0].date(), end=(start[-1] + pd.offsets.MonthEnd(0)).date())
    world = SimpleNamespace(places=places, legs=[], groups=groups, borders=borders, border_exclusions=())
    return SimpleNamespace(
        name=name, title=name, window=window, world=world, policies=policies, parameters={}
    )

"""The world tables must agree with each other, carry their sources and lead people somewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pytest

WORLD = Path(__file__).resolve().parents[2] / "scenarios" / "world" / "americas"
GROUPS = {
    "VEN",
    "HTI",
    "CUB",
    "ECU",
    "COL",
    "NIC",
    "HND",
    "GTM",
    "SLV",
    "MEX",
    "BRA",
    "PER",
    "CHN",
    "IND",
    "DOM",
    "CHL",
    "AFR",
    "ASI",
    "OTH",
}
MODES = {
    "foot",
    "jungle",
    "bus",
    "boat",
    "air",
    "air_regular",
    "train",
    "car",
    "port",
    "removal_flight",
}
KINDS = {
    "fixed": ["days"],
    "geometric": ["mean_days"],
    "triangular": ["low", "mode", "high"],
    "lognormal": ["median_days", "spread"],
    "gamma": ["mean_days", "shape"],
}


def table(name: str) -> pd.DataFrame:
    """Read one table as text, so that blanks stay blanks."""
    return pd.read_csv(WORLD / name, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def places() -> pd.DataFrame:
    return table("places.csv").set_index("id", drop=False)


@pytest.fixture(scope="module")
def legs() -> pd.DataFrame:
    return table("legs.csv").set_index("id", drop=False)


@pytest.fixture(scope="module")
def package() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((WORLD / "datapackage.json").read_text("utf-8"))
    return content


def test_size_and_unique_ids(places: pd.DataFrame, legs: pd.DataFrame) -> None:
    assert len(places) >= 100
    assert len(legs) >= 300
    assert places.index.is_unique
    assert legs.index.is_unique
    for name in ("groups.csv", "parameters.csv"):
        assert table(name)["id"].is_unique
    assert set(table("groups.csv")["id"]) == GROUPS


def test_references_exist(places: pd.DataFrame, legs: pd.DataFrame) -> None:
    assert set(legs["from"]) | set(legs["to"]) <= set(places.index)
    assert not (legs["from"] == legs["to"]).any()
    for name in ("leg_attraction.csv", "borders.csv"):
        assert set(table(name)["leg"]) <= set(legs.index), name
    for name in ("home_places.csv", "settle_attraction.csv", "departure_places.csv"):
        assert set(table(name)["place"]) <= set(places.index), name
        assert set(table(name)["group"]) <= GROUPS, name
    assert set(table("leg_attraction.csv")["group"]) <= GROUPS
    assert set(legs["season"]) - {""} <= set(table("seasons.csv")["id"])
    assert set(table("borders.csv")["detection_parameter"]) <= set(table("parameters.csv")["id"])
    assert set(table("border_exclusions.csv")["border"]) <= set(table("borders.csv")["id"])
    assert set(table("group_names.csv")["group"]) <= GROUPS | {"", "ALL"}


@pytest.mark.parametrize(("name", "prefix"), [("places.csv", "stay"), ("legs.csv", "days")])
def test_distributions_are_complete(name: str, prefix: str) -> None:
    rows = table(name)
    assert set(rows[f"{prefix}_kind"]) <= set(KINDS)
    for kind, needed in KINDS.items():
        chosen = rows[rows[f"{prefix}_kind"] == kind]
        for field in needed:
            assert (chosen[f"{prefix}_{field}"] != "").all(), (kind, field)
    three = rows[rows[f"{prefix}_kind"] == "triangular"]
    low, mode, high = (three[f"{prefix}_{x}"].astype(float) for x in ("low", "mode", "high"))
    assert ((low <= mode) & (mode <= high) & (high > 0)).all()


def test_vocabularies_and_numbers(places: pd.DataFrame, legs: pd.DataFrame) -> None:
    assert set(places["role"]) <= {"origin", "transit", "crossing", "reception", "destination"}
    assert set(legs["direction"]) <= {"northward", "southward", "lateral", "return"}
    assert set(legs["closed_by_default"]) | set(legs["irregular"]) <= {"0", "1"}
    assert set(legs["mode"]) <= MODES
    for column in [c for c in legs.columns if c.startswith("haz_")]:
        share = pd.to_numeric(legs[column]).dropna()
        assert share.between(0, 1).all(), column
    cost = legs[["cost_low_usd", "cost_usd", "cost_high_usd"]].astype(float)
    assert (cost["cost_low_usd"] <= cost["cost_usd"]).all()
    assert (cost["cost_usd"] <= cost["cost_high_usd"]).all()
    assert (pd.to_numeric(legs["weight"]) > 0).all()
    assert (places["capacity_persons"] == "").all()


def test_quotas_are_policies_not_capacities(legs: pd.DataFrame) -> None:
    border = legs[legs["to"].str.startswith("us-") & legs["from"].isin(table("places.csv")["id"])]
    assert (border["capacity_per_day"] == "").all()
    ports = legs[legs["mode"] == "port"]
    assert len(ports) == 8
    assert (ports["closed_by_default"] == "1").all()
    assert (legs.loc[legs["mode"] == "removal_flight", "closed_by_default"] == "1").all()


def test_coordinates(places: pd.DataFrame) -> None:
    lat, lon = places["lat"].astype(float), places["lon"].astype(float)
    assert lat.between(-56, 72).all()
    assert lon.between(-180, 180).all()
    american = ~places["country"].isin(["SEN", "IND", "CHN", "BGD", "TUR"])
    assert lon[american].between(-125, -34).all()
    irregular = places["irregular"] == "1"
    assert irregular.sum() > 15
    for axis in ("lat", "lon"):
        decimals = places.loc[irregular, axis].str.partition(".")[2].str.len()
        assert (decimals <= 1).all()
    assert not places.loc[irregular, "note"].str.contains(r"\d+\.\d{3}").any()


def test_every_row_has_a_source() -> None:
    for name in (
        "places.csv",
        "legs.csv",
        "leg_attraction.csv",
        "groups.csv",
        "profiles.csv",
        "parameters.csv",
    ):
        rows = table(name)
        assert (rows["source"] != "").all(), name
        if "confidence" in rows:
            assert set(rows["confidence"]) <= {"seen", "derived", "assumption"}, name


def test_profile_shares_add_to_one() -> None:
    rows = table("profiles.csv").assign(value=lambda d: d["value"].astype(float))
    assert rows["value"].between(0, 1).all()
    assert set(rows["group"]) == GROUPS
    units = rows[rows["measure"] == "unit_share"].groupby("group")["value"].sum()
    assert units.sub(1).abs().max() < 1e-6
    for measure in ("age_share", "family_size_share"):
        total = rows[rows["measure"] == measure].groupby(["group", "unit"])["value"].sum()
        assert total.sub(1).abs().max() < 1e-6, measure
    starts = table("departure_places.csv").assign(share=lambda d: d["share"].astype(float))
    assert starts.groupby(["group", "channel"])["share"].sum().sub(1).abs().max() < 1e-6


def test_seasons_cover_the_year() -> None:
    months = table("seasons.csv").groupby("id")["month"].apply(lambda m: sorted(int(x) for x in m))
    assert all(m == list(range(1, 13)) for m in months)


def test_parameters_lie_in_their_range() -> None:
    rows = table("parameters.csv")
    low, default, high = (rows[x].astype(float) for x in ("low", "default", "high"))
    assert ((low <= default) & (default <= high)).all()


def test_everybody_can_go_north(legs: pd.DataFrame, places: pd.DataFrame) -> None:
    north = legs[legs["direction"].isin(["northward", "lateral"]) & (legs["closed_by_default"] == "0")]
    graph = nx.DiGraph(zip(north["from"], north["to"], strict=True))
    assert nx.is_directed_acyclic_graph(graph)
    stuck = set(places.index) - nx.ancestors(graph, "us-interior") - {"us-interior"}
    southward_only = {"miramar-colon", "palenque-colon", "la-miel"}
    assert stuck == southward_only | {"us-removal-hub-harlingen", "us-removal-hub-phoenix"}


def test_weights_at_a_place_add_to_one(legs: pd.DataFrame) -> None:
    direct = "lajas-blancas--catem-sur--bus"  # runs beside the others while a policy runs it
    usable = (legs["closed_by_default"] == "0") | (legs["id"] == direct)
    north = legs[legs["direction"].isin(["northward", "lateral"]) & usable]
    total = north["weight"].astype(float).groupby(north["from"]).sum()
    assert total.sub(1).abs().max() < 0.02


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_everybody_finds_the_way_home(group: str, legs: pd.DataFrame) -> None:
    home = table("home_places.csv").set_index("group")["place"][group]
    attraction = table("leg_attraction.csv")
    never = attraction[(attraction["group"] == group) & (attraction["weight"].astype(float) == 0)]
    usable = legs[(legs["closed_by_default"] == "0") & ~legs.index.isin(never["leg"])]
    north = usable[usable["direction"].isin(["northward", "lateral"])]
    starts = table("departure_places.csv")
    ahead = nx.DiGraph(zip(north["from"], north["to"], strict=True))
    visited: set[str] = set()
    for start in starts.loc[starts["group"] == group, "place"]:
        visited |= {start} | nx.descendants(ahead, start)
    back = usable[usable["direction"].isin(["southward", "return"])]
    graph = nx.DiGraph(zip(back["from"], back["to"], strict=True))
    graph.remove_edges_from(list(graph.out_edges(home)))
    can_return = nx.ancestors(graph, home) | {home}
    lost = {p for p in visited - can_return if not p.startswith("us-")}
    assert not lost
    assert nx.is_directed_acyclic_graph(graph.subgraph(can_return & visited))


def test_borders_count_each_person_once(legs: pd.DataFrame) -> None:
    borders = table("borders.csv")
    assert set(borders["id"]) == {
        "darien",
        "costa_rica",
        "honduras",
        "mexico",
        "us_border_patrol",
        "us_ports",
    }
    for border, rows in borders.groupby("id"):
        counted = legs.loc[rows["leg"]]
        graph = nx.DiGraph(zip(counted["from"], counted["to"], strict=True))
        north = legs[legs["direction"].isin(["northward", "lateral"]) & (legs["closed_by_default"] == "0")]
        ahead = nx.DiGraph(zip(north["from"], north["to"], strict=True))
        for arrived in set(counted["to"]):
            later = nx.descendants(ahead, arrived) | {arrived}
            assert not any(later >= {a, b} for a, b in graph.edges), (border, arrived)


def test_package_matches_the_files(package: dict[str, Any]) -> None:
    assert package["title"]
    assert package["title_es"]
    listed = {r["path"] for r in package["resources"]}
    present = {p.name for p in WORLD.glob("*.csv")} - {"departures.csv"}
    assert present <= listed
    for resource in package["resources"]:
        content = (WORLD / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content), resource["path"]
        assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest(), resource["path"]
        header = content.decode("utf-8").splitlines()[0].split(",")
        assert [f["name"] for f in resource["schema"]["fields"]] == header
        assert resource["licenses"]
        assert resource["sources"]

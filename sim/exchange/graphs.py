"""The route graph as GeoJSON and GraphML: a world enters, a file leaves, and back without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import networkx as nx

from sim.errors import DataError, Problem
from sim.results.folder import write_aside
from sim.spec import World
from sim.spec.base import plain
from sim.spec.reading import Row

__all__ = ["from_geojson", "from_graphml", "to_geojson", "to_graphml", "world_of"]

#: Sections of a world that are neither points nor lines.
BESIDE: Final = (
    "name",
    "groups",
    "attraction",
    "settle_attraction",
    "profiles",
    "home_places",
    "seasons",
    "borders",
    "border_exclusions",
    "parameters",
)
CRS84: Final = (
    "longitude and latitude in degrees, WGS 84; points on irregular trails are rounded to 0.1 degree"
)


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """A place; on an irregular trail its coordinates are rounded to a tenth of a degree."""
    if row.get("irregular"):
        row = {**row, **{key: round(row[key], 1) for key in ("lat", "lon") if row.get(key) is not None}}
    return row


def beside(world: World) -> dict[str, Any]:
    """The sections of a world that no feature holds."""
    made = {name: plain(getattr(world, name)) for name in BESIDE}
    return {name: value for name, value in made.items() if value}


def world_of(content: dict[str, Any], where: str) -> World:
    """A world from the mappings of its sections.

    Raises
    ------
    DataError
        When a row is not as it must be.
    """
    try:
        return World.model_validate(content)
    except ValueError as error:
        msg = "The route graph cannot be read."
        raise DataError(msg, [Problem(str(error), where, "a graph written here")]) from None


def to_geojson(world: World, path: str | Path | None = None) -> dict[str, Any]:
    """Places as points and legs as lines, with all their fields.

    Parameters
    ----------
    world : World
    path : str or Path, optional
        File to write.

    Returns
    -------
    dict
        A FeatureCollection (RFC 7946); what is neither point nor line stands in its member ``travesia``.
    """
    places = {place.id: rounded(plain(place)) for place in world.places}
    features: list[dict[str, Any]] = []
    for name, row in places.items():
        point = position(row)
        geometry = {"type": "Point", "coordinates": point} if point else None
        kept = {key: value for key, value in row.items() if not (point and key in {"lat", "lon"})}
        features.append(
            {"type": "Feature", "id": name, "geometry": geometry, "properties": {"kind": "place", **kept}}
        )
    for leg in world.legs:
        ends = [position(places.get(one, {})) for one in (leg.from_, leg.to)]
        line = {"type": "LineString", "coordinates": ends} if all(ends) else None
        features.append(
            {"type": "Feature", "id": leg.id, "geometry": line, "properties": {"kind": "leg", **plain(leg)}}
        )
    made = {"type": "FeatureCollection", "features": features, "travesia": beside(world), "note": CRS84}
    if path is not None:
        write_aside(Path(path), json.dumps(made, ensure_ascii=False, indent=1).encode())
    return made


def position(row: dict[str, Any]) -> list[float] | None:
    """Longitude and latitude of a place, None where either is not known."""
    if row.get("lat") is None or row.get("lon") is None:
        return None
    return [row["lon"], row["lat"]]


def from_geojson(source: str | Path | dict[str, Any]) -> World:
    """A world from GeoJSON that `to_geojson` wrote.

    Parameters
    ----------
    source : str, Path or dict
        A file or its content.
    """
    where = "GeoJSON" if isinstance(source, dict) else str(source)
    content = source if isinstance(source, dict) else json_of(Path(source))
    made: dict[str, Any] = {"places": [], "legs": [], **content.get("travesia", {})}
    for number, feature in enumerate(content.get("features", [])):
        row = dict(feature.get("properties") or {})
        kind, geometry = row.pop("kind", None), feature.get("geometry")
        if kind == "place":
            if geometry:
                row["lon"], row["lat"] = geometry["coordinates"][:2]
            made["places"].append(row)
        elif kind == "leg":
            made["legs"].append(row)
        else:
            problem = Problem(f"the kind is {kind!r}", f"{where} feature {number + 1}", "place or leg")
            msg = "The route graph cannot be read."
            raise DataError(msg, [problem])
    return world_of(made, where)


def json_of(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = "The route graph cannot be read."
        raise DataError(msg, [Problem(str(error), str(path), "GeoJSON")]) from None
    return Row(content)


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Fields as GraphML holds them: text, numbers and truth; the rest as JSON text under ``<name>_json``."""
    made = {}
    for key, value in row.items():
        if isinstance(value, str | int | float | bool):
            made[key] = value
        else:
            made[f"{key}_json"] = json.dumps(value, ensure_ascii=False)
    return made


def unflat(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of `flat`."""
    return {
        key.removesuffix("_json"): json.loads(value) if key.endswith("_json") else value
        for key, value in row.items()
    }


def to_graphml(world: World, path: str | Path) -> Path:
    """Places as nodes and legs as edges with all their fields, for Gephi, yEd, igraph and others.

    Parameters
    ----------
    world : World
    path : str or Path
        File to write.
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(travesia_json=json.dumps(beside(world), ensure_ascii=False))
    for number, place in enumerate(world.places):
        graph.add_node(place.id, order=number, **flat(rounded(plain(place))))
    for number, leg in enumerate(world.legs):
        graph.add_edge(leg.from_, leg.to, key=leg.id, order=number, **flat(plain(leg)))
    target = Path(path)
    write_aside(target, "\n".join(nx.generate_graphml(graph, named_key_ids=True)).encode())
    return target


def from_graphml(path: str | Path) -> World:
    """A world from GraphML that `to_graphml` wrote."""
    try:
        graph = nx.read_graphml(path, force_multigraph=True)
        made = json.loads(graph.graph.get("travesia_json", "{}"))
    except (OSError, ValueError, nx.NetworkXError) as error:
        msg = "The route graph cannot be read."
        raise DataError(msg, [Problem(str(error), str(path), "GraphML")]) from None
    nodes = sorted((dict(held) for _, held in graph.nodes(data=True)), key=lambda row: row.get("order", 0))
    edges = sorted((dict(held) for *_, held in graph.edges(data=True)), key=lambda row: row.get("order", 0))
    sections = {"places": nodes, "legs": edges}
    for section, rows in sections.items():
        made[section] = [unflat({key: v for key, v in row.items() if key != "order"}) for row in rows]
    return world_of(made, str(path))

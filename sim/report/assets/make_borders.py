"""Make the shipped border files from Natural Earth (maintenance only, never at run time).

Reads `countries-50m.json` and `countries-10m.json` of the npm package `world-atlas` 2.0.2
(TopoJSON, public domain), clips every polygon to a box, rounds the coordinates and writes rings by country.

    python sim/report/assets/make_borders.py FOLDER_WITH_THE_TWO_FILES
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Point = tuple[float, float]
Ring = list[Point]

#: ISO 3166-1 numeric -> alpha-3, of countries with land in the box (not Fiji, on the date line).
ISO3 = {
    "028": "ATG", "032": "ARG", "044": "BHS", "052": "BRB", "068": "BOL", "076": "BRA", "084": "BLZ",
    "136": "CYM", "152": "CHL", "170": "COL", "188": "CRI", "192": "CUB", "212": "DMA", "214": "DOM",
    "218": "ECU", "222": "SLV", "308": "GRD", "312": "GLP", "320": "GTM", "328": "GUY", "332": "HTI",
    "340": "HND", "388": "JAM", "474": "MTQ", "484": "MEX", "531": "CUW", "533": "ABW", "558": "NIC",
    "591": "PAN", "600": "PRY", "604": "PER", "630": "PRI", "659": "KNA", "660": "AIA", "662": "LCA",
    "670": "VCT", "740": "SUR", "780": "TTO", "796": "TCA", "840": "USA", "850": "VIR", "858": "URY",
    "862": "VEN", "528": "NLD", "092": "VGB", "060": "BMU", "500": "MSR", "534": "SXM", "652": "BLM",
    "663": "MAF", "250": "FRA",
}  # fmt: skip

#: Points of a ring that encloses anything, the closing one included.
FEWEST_POINTS = 4

JOBS = (
    ("countries-50m.json", "borders_50m.json", (-120.0, -20.0, -50.0, 40.0), 2),
    ("countries-10m.json", "borders_darien_10m.json", (-80.5, 7.0, -76.0, 10.2), 3),
)


def decode_arcs(topology: dict[str, Any]) -> list[Ring]:
    """Turn the delta-coded arcs of a TopoJSON file into degrees."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[Ring] = []
    for arc in topology["arcs"]:
        x = y = 0
        line: Ring = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx + tx, y * sy + ty))
        arcs.append(line)
    return arcs


def ring_of(indices: list[int], arcs: list[Ring]) -> Ring:
    """Join the arcs of one ring; a negative index means the arc runs backwards."""
    ring: Ring = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring.extend(arc if not ring else arc[1:])
    return ring


def clip(ring: Ring, box: tuple[float, float, float, float]) -> Ring:
    """Clip a ring to a box, one side after the other (Sutherland and Hodgman)."""
    west, south, east, north = box
    for axis, limit, keep_above in ((0, west, True), (0, east, False), (1, south, True), (1, north, False)):
        clipped: Ring = []
        for here, there in zip(ring, ring[1:] + ring[:1], strict=True):
            inside_here = (here[axis] >= limit) == keep_above
            inside_there = (there[axis] >= limit) == keep_above
            if inside_here:
                clipped.append(here)
            if inside_here != inside_there:
                share = (limit - here[axis]) / (there[axis] - here[axis])
                clipped.append(
                    (here[0] + share * (there[0] - here[0]), here[1] + share * (there[1] - here[1]))
                )
        ring = clipped
        if not ring:
            break
    return ring


def rounded(ring: Ring, digits: int) -> list[list[float]]:
    """Round to `digits` and drop points that fall together."""
    out: list[list[float]] = []
    for x, y in ring:
        point = [round(x, digits), round(y, digits)]
        if not out or out[-1] != point:
            out.append(point)
    return out


def convert(
    source: Path, box: tuple[float, float, float, float], digits: int
) -> dict[str, list[list[list[float]]]]:
    """Rings by country of one TopoJSON file inside `box`."""
    topology = json.loads(source.read_text(encoding="utf-8"))
    arcs = decode_arcs(topology)
    countries: dict[str, list[list[list[float]]]] = {}
    for shape in topology["objects"]["countries"]["geometries"]:
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape.get("arcs", [])
        for polygon in polygons:
            for indices in polygon:
                ring = rounded(clip(ring_of(indices, arcs), box), digits)
                code = ISO3.get(str(shape.get("id")))
                if code is not None and len(ring) >= FEWEST_POINTS:
                    countries.setdefault(code, []).append(ring)
    return dict(sorted(countries.items()))


def main() -> None:
    """Write both files beside this script."""
    here = Path(__file__).parent
    for source, target, box, digits in JOBS:
        countries = convert(Path(sys.argv[1]) / source, box, digits)
        text = json.dumps({"box": box, "countries": countries}, separators=(",", ":"))
        (here / target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

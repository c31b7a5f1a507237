"""Pages of the reference, written from the code and tables when the site is built, so that nothing is written twice."""

from __future__ import annotations

import ast
import csv
import inspect
import json
import tomllib
from pathlib import Path
from typing import Any

from sim.cli.registry import available, load
from sim.results.describe import COLUMNS
from sim.spec import Behaviour, Departure, Scenario, UnitShare, Window
from sim.spec.tables import SECTIONS

ROOT = Path(__file__).parents[1]
NOTE = "*This page is written from the code and tables when the site is built.*"


def cell(value: object) -> str:
    """Text that fits into a cell of a Markdown table."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def table(heading: list[str], rows: list[list[object]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {' | '.join(heading)} |", "|" + "---|" * len(heading)]
    return [*lines, *(f"| {' | '.join(cell(value) for value in row)} |" for row in rows)]


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def commands_page() -> str:
    """Every command with its arguments and options."""
    lines = [
        "# Command line",
        "",
        NOTE,
        "",
        "`travesia COMMAND --help` says the same. Exit codes: 0 done, 1 failed",
    ]
    lines += ["while running, 2 refused input, 130 interrupted.", ""]
    for name, listing in available().items():
        command = load(name, listing.target)
        lines += [f"## travesia {name}", "", listing.help, ""]
        children = getattr(command, "commands", {})
        for child, one in children.items():
            lines += [f"### travesia {name} {child}", "", cell(one.help or ""), "", *options(one), ""]
        if not children:
            lines += [cell(command.help or ""), "", *options(command), ""]
    return "\n".join(lines)


def options(command: Any) -> list[str]:  # noqa: ANN401 - click keeps its own types
    """Arguments and options of one command as a table."""
    rows: list[list[object]] = []
    for one in command.params:
        if one.name == "help":
            continue
        words = (
            ", ".join(f"`{word}`" for word in one.opts)
            if one.param_type_name == "option"
            else f"`{one.metavar or one.name}`"
        )
        default = "" if one.default is None or callable(one.default) or one.required else one.default
        rows.append([words, getattr(one, "help", "") or "", "needed" if one.required else default])
    return table(["argument or option", "what it is", "default"], rows) if rows else []


def parameters_page() -> str:
    """Every behavioural parameter with unit, default, range and source."""
    lines = [
        "# Parameters",
        "",
        NOTE,
        "",
        "A scenario changes one with `parameters: {beta_days: -0.05}`. A source that reads",
    ]
    lines += ["`assumption` is one; the range is what sensitivity and calibration explore.", ""]
    rows = rows_of(ROOT / "scenarios" / "world" / "americas" / "parameters.csv")
    made: list[list[object]] = [
        [f"`{r['id']}`", r["unit"], r["default"], f"{r['low']} to {r['high']}", r["description"], r["source"]]
        for r in rows
    ]
    return "\n".join([*lines, *table(["id", "unit", "default", "range", "what it is", "source"], made), ""])


def run_folder_page() -> str:
    """Files and columns of a run folder."""
    lines = [
        "# Run folder",
        "",
        NOTE,
        "",
        "Tables are Parquet, tidy, one row per cell. `datapackage.json` holds this schema;",
    ]
    lines += [
        "`manifest.json` says with what the run was made; `checks.json` that people add up; `scenario.yaml` is the"
    ]
    lines += ["resolved input. `travesia verify RUN_DIR` checks hashes, columns and people.", ""]
    for name, columns in COLUMNS.items():
        lines += [f"## {name}.parquet", ""]
        made: list[list[object]] = [[f"`{c}`", kind, text, unit] for c, (kind, text, unit) in columns.items()]
        lines += [*table(["column", "type", "what it is", "unit"], made), ""]
    return "\n".join(lines)


def scenario_page() -> str:
    """Keys of a scenario file and columns of a world's tables."""
    lines = ["# Scenario file and world tables", "", NOTE, ""]
    parts: list[tuple[str, Any]] = [("Scenario", Scenario), ("Window", Window), ("Departure", Departure)]
    parts += [("Behaviour", Behaviour), ("Units", UnitShare)]
    parts += [(f"{name} ({file})", model) for name, (file, model) in SECTIONS.items()]
    for title, model in parts:
        text = inspect.cleandoc(model.__doc__ or "")
        lines += [f"## {title}", "", text.partition("\n")[0], ""]
        made: list[list[object]] = [
            [f"`{field.alias or name}`", "needed" if field.is_required() else default(field.default)]
            for name, field in model.model_fields.items()
            if not field.exclude
        ]
        lines += [
            *table(["key", "default"], made),
            "",
            "```text",
            text.partition("Parameters\n----------\n")[2],
            "```",
            "",
        ]
    return "\n".join(lines)


def default(value: object) -> str:
    """A default as people write it."""
    return "" if value is None or value in ((), "", {}) or str(value).startswith("Pydantic") else str(value)


def data_page() -> str:
    """A sheet for every table: source, period, unit, licence, hash."""
    lines = [
        "# Data sheets",
        "",
        NOTE,
        "",
        "Public aggregate figures only. Contradictions between sources are kept side by side;",
    ]
    lines += ["they are listed at the end of each part.", ""]
    for folder, readme in (
        ("scenarios/world/americas", "README.md"),
        ("calibration/observed", "README.md"),
        ("scenarios/needs", ""),
    ):
        path = ROOT / folder / "datapackage.json"
        if not path.is_file():
            continue
        package = json.loads(path.read_text(encoding="utf-8"))
        lines += [
            f"## {package.get('title', folder)}",
            "",
            f"In `{folder}`. {package.get('description', '')}",
            "",
        ]
        shared = package.get("licenses", [])
        made: list[list[object]] = []
        for one in package["resources"]:
            sources = "; ".join(
                source.get("title", "") for source in one.get("sources", package.get("sources", []))
            )
            licence = ", ".join(held.get("name", "") for held in one.get("licenses", shared))
            unit = one.get("unit", "")
            unit = ", ".join(unit) if isinstance(unit, list) else unit
            made.append(
                [f"`{one['path']}`", one.get("title", ""), one.get("period", ""), unit, licence, sources]
            )
        lines += [*table(["table", "what it holds", "period", "unit", "licence", "sources"], made), ""]
        lines += contradictions(ROOT / folder / readme) if readme else []
    return "\n".join(lines)


def contradictions(path: Path) -> list[str]:
    """The part of a README that names contradictions."""
    text = path.read_text(encoding="utf-8")
    made: list[str] = []
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        if "ontradiction" in title:
            made += [f"### {title}", "", body.strip(), ""]
    return made


def needs_page() -> str:
    """Methods, standards and costs behind every figure of needs."""
    folder = ROOT / "scenarios" / "needs"
    lines = ["# Needs: methods, standards, costs", "", NOTE, ""]
    for name, title, columns in (
        ("methods", "Methods", ("id", "text_en")),
        (
            "standards",
            "Standards",
            ("id", "name_en", "low", "middle", "high", "unit", "source", "assumption"),
        ),
        (
            "in_need_rules",
            "People in need by sector",
            ("sector_code", "stage", "low", "middle", "high", "source"),
        ),
        ("unit_costs", "Costs", ("sector_code", "low", "middle", "high", "unit", "source", "assumption")),
        (
            "drivers",
            "Drivers: lag and form",
            (
                "driver_en",
                "enters_as",
                "form_en",
                "lag_days",
                "phase_in_days",
                "fade_days",
                "size_low",
                "size",
                "size_high",
            )
            + ("switch", "evidence"),
        ),
        (
            "elections",
            "Elections",
            ("country", "date", "name_en", "followed_by", "switch", "source", "assumption"),
        ),
        ("requirements", "What was asked, and what is met", ("id", "requirement", "status", "note")),
    ):
        if (folder / f"{name}.csv").is_file():
            rows = rows_of(folder / f"{name}.csv")
            lines += [f"## {title}", "", f"`scenarios/needs/{name}.csv`", ""]
            lines += [*table(list(columns), [[row.get(c, "") for c in columns] for row in rows]), ""]
    return "\n".join(lines)


def layers() -> list[list[str]]:
    """Rooms of `sim` from the uppermost layer down, as the linter enforces them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["id"] == "arrows":
            return [[room.strip(" ()") for room in layer.split("|")] for layer in contract["layers"]]
    return []


def arrows() -> dict[tuple[str, str], int]:
    """How many modules of one room import another, counted in the code."""
    found: dict[tuple[str, str], int] = {}
    for path in sorted((ROOT / "sim").rglob("*.py")):
        parts = path.relative_to(ROOT / "sim").with_suffix("").parts
        room = parts[0]
        targets = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            targets |= {name.split(".")[1] for name in names if name.startswith("sim.")}
        for target in targets - {room}:
            found[room, target] = found.get((room, target), 0) + 1
    return found


def drawing() -> str:
    """The house as SVG: rooms by layer, an arrow for every room that imports another."""
    width, height, step = 150, 34, 62
    rows = layers()
    spots: dict[str, tuple[float, float]] = {}
    boxes, lines = [], []
    for number, rooms in enumerate(rows):
        for place, room in enumerate(rooms):
            x, y = 300 + (place - (len(rooms) - 1) / 2) * (width + 40), 20 + number * step
            spots[room] = (x, y)
            boxes.append(
                f'<rect x="{x - width / 2}" y="{y}" width="{width}" height="{height}" rx="6" fill="#eef3f7" stroke="#27506b"/>'
                f'<text x="{x}" y="{y + 22}" text-anchor="middle" font-size="14">sim.{room}</text>'
            )
    for (start, end), count in sorted(arrows().items()):
        if start in spots and end in spots and end != "errors":
            (x1, y1), (x2, y2) = spots[start], spots[end]
            near = abs(y2 - y1) < step * 1.5
            bend = (
                (x1 + x2) / 2
                if near
                else 300 + (1 if hash_of(start + end) % 2 else -1) * (110 + 13 * abs(y2 - y1) / step)
            )
            lines.append(
                f'<path d="M{x1},{y1 + height} Q{bend},{(y1 + y2 + height) / 2} {x2},{y2}" fill="none" stroke="#7a8b99" '
                f'stroke-width="{min(0.8 + count / 6, 3):.1f}" marker-end="url(#tip)"><title>{count} modules</title></path>'
            )
    tip = (
        '<marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        '<path d="M0,0 L7,3 L0,6 z" fill="#7a8b99"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 {len(rows) * step + 30}" font-family="sans-serif">'
        f"<defs>{tip}</defs>{''.join(lines)}{''.join(boxes)}</svg>\n"
    )


def hash_of(text: str) -> int:
    """A small number that depends on the text only."""
    return sum(text.encode())


def pages() -> dict[str, str]:
    """Every generated page by its address in the site."""
    return {
        "reference/command-line.md": commands_page(),
        "reference/parameters.md": parameters_page(),
        "reference/run-folder.md": run_folder_page(),
        "reference/scenario-file.md": scenario_page(),
        "reference/data-sheets.md": data_page(),
        "reference/needs.md": needs_page(),
        "images/architecture.svg": drawing(),
    }

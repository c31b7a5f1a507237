"""The reference page of instruments and events, written from the classes and files themselves.

``python -m sim.spec.policies.reference`` writes ``docs/reference/policies.md`` and the table in the README of
the library.
"""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import Any, Final

from sim.spec.library import library_entries, library_root
from sim.spec.policies import INSTRUMENTS, PolicyBase
from sim.spec.reading import Row, read_text, read_yaml

__all__ = ["event_rows", "main", "reference_page", "with_table"]

log = logging.getLogger(__name__)

BEGIN: Final = "<!-- events: begin -->"
END: Final = "<!-- events: end -->"
#: Fields of every policy, described once above the table.
COMMON: Final = frozenset(PolicyBase.model_fields)


def one_line(text: str) -> str:
    """Text on one line, safe inside a table."""
    return " ".join(text.split()).replace("|", "\\|")


def instrument_rows() -> list[tuple[str, str, str, str]]:
    """Name, what it is, formula with units, and own fields of every instrument."""
    rows = []
    for name, model in INSTRUMENTS.items():
        summary, _, rest = inspect.cleandoc(model.__doc__ or "").partition("\n\n")
        formula = rest.partition("Formula:")[2].partition("Source:")[0]
        own = [
            f"`{key}` {field.description or ''}".strip()
            for key, field in model.model_fields.items()
            if key not in COMMON
        ]
        rows.append((name, one_line(summary), one_line(formula), one_line("; ".join(own))))
    return rows


def common_fields() -> list[str]:
    """Fields of every instrument, in their order."""
    return [name for name in PolicyBase.model_fields if name != "instrument"]


def event_files() -> list[Row]:
    """Every event file of the library, by the day the event began."""
    paths = sorted((library_root() / "policies").glob("*.yaml"))
    files = [read_yaml(read_text(path), path.name) for path in paths]
    return sorted(files, key=lambda content: str(content["event"]["start"]))


def event_rows() -> list[dict[str, Any]]:
    """One row per event of the library.

    Returns
    -------
    list of dict
        id, title, start, end, instruments (in the order of its policies), policies (ids), sizes (effect
        source of each policy by id), left_out (English, blank where all is represented).
    """
    rows = []
    for content in event_files():
        event, policies = content["event"], content.get("policies") or []
        rows.append(
            {
                "id": event["id"],
                "title": event["title"]["en"],
                "start": str(event["start"]),
                "end": str(event.get("end", "")),
                "instruments": list(dict.fromkeys(policy["instrument"] for policy in policies)),
                "policies": [policy["id"] for policy in policies],
                "sizes": {policy["id"]: policy.get("effect_source", "") for policy in policies},
                "left_out": one_line(event.get("left_out", {}).get("en", "")),
            }
        )
    return rows


def event_table() -> str:
    """The events as a Markdown table."""
    lines = ["| event | from | to | what | instruments | not represented |", "|---|---|---|---|---|---|"]
    for row in event_rows():
        cells = [
            row["id"],
            row["start"],
            row["end"] or "open",
            one_line(row["title"]),
            ", ".join(row["instruments"]) or "none",
            row["left_out"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def size_table() -> str:
    """Where the size of every policy comes from, as a Markdown table."""
    lines = ["| policy | event | its size was set from |", "|---|---|---|"]
    for row in event_rows():
        lines += [f"| {name} | {row['id']} | {one_line(source)} |" for name, source in row["sizes"].items()]
    return "\n".join(lines) + "\n"


def reference_page() -> str:
    """The whole page as Markdown."""
    lines = [
        "# Policies",
        "",
        "This page is written by `python -m sim.spec.policies.reference` from the instruments' own classes",
        "and the files of the library.",
        "",
        "## Instruments",
        "",
        f"Every instrument also has the fields `{', '.join(common_fields())}`.",
        "`s` is the strength of the policy on a day, from 0 to 1.",
        "",
        "| instrument | what it is | formula and units | its own fields |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{name}` | {what} | {formula} | {own} |" for name, what, formula, own in instrument_rows()]
    strength = inspect.cleandoc(PolicyBase.__doc__ or "").partition("Notes\n-----\n")[2]
    lines += ["", "### Strength on a day", "", *strength.splitlines(), ""]
    composing = inspect.cleandoc(inspect.getmodule(PolicyBase).__doc__ or "")
    lines += ["### Composing", "", composing.partition("Composing. ")[2], ""]
    lines += ["## Events of the library", "", event_table(), "## Sizes", "", size_table()]
    lines += ["## Scenarios of the library", "", "| scenario | English | español |", "|---|---|---|"]
    lines += [f"| `{e.name}` | {one_line(e.title.en)} | {one_line(e.title.es)} |" for e in library_entries()]
    return "\n".join(lines).rstrip("\n") + "\n"


def with_table(text: str) -> str:
    """A README with its table of events as the library has it."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{event_table()}{END}", text)


def main() -> None:
    """Write the page and the table in the README (maintenance command, from the project's folder)."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    page = Path("docs") / "reference" / "policies.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(reference_page(), encoding="utf-8")
    readme = library_root() / "policies" / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8")), encoding="utf-8")
    log.info("%s and %s written", page, readme.name)


if __name__ == "__main__":
    main()

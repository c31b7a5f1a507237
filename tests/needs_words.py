"""Words that must not stand in a Spanish workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.needs.tables import table

__all__ = ["english_left"]


def english_left(sheets: Mapping[str, Sequence[Sequence[object]]]) -> dict[str, set[str]]:
    """English labels left in a workbook, by sheet; cells are given by row, titles are looked at too."""
    english = _english_only()
    left: dict[str, set[str]] = {}
    for title, rows in sheets.items():
        if title in english:
            left.setdefault(title, set()).add(title)
        ids = {i for row in rows for i, value in enumerate(row) if value == "Identificador"}
        for row in rows:
            words = [str(v) for i, v in enumerate(row) if isinstance(v, str) and i not in ids]
            parts = {part for w in words for part in (w, *w.split("; "), *w.split(", "))}
            if parts & english:
                left.setdefault(title, set()).update(parts & english)
    return left


def _english_only() -> set[str]:
    """Every label of the packaged tables that is not also a Spanish one."""
    words: set[str] = set()
    for name in (
        "sectors",
        "resources",
        "countries",
        "population_groups",
        "populations",
        "mechanisms",
        "arrangements",
        "funding",
        "standards",
        "overlays",
        "triggers",
        "border_pairs",
    ):
        rows = table(name)
        words |= {e for e, s in zip(rows["name_en"], rows["name_es"], strict=True) if e != s}
    rows = table("labels")
    spanish = set(rows["es"])
    words |= {e for e, s in zip(rows["en"], rows["es"], strict=True) if e != s}
    rows = table("fields")
    words |= {e for e, s in zip(rows["label_en"], rows["label_es"], strict=True) if e != s}
    for name, columns in (
        ("minimums", ("minimum_en", "minimum_es")),
        ("methods", ("text_en", "text_es")),
        ("glossary", ("text_en", "text_es")),
        ("lead_rules", ("finding_en", "finding_es")),
    ):
        frame = table(name)
        words |= {e for e, s in zip(frame[columns[0]], frame[columns[1]], strict=True) if e != s}
    for name in ("sectors", "resources", "countries", "populations"):
        spanish |= set(table(name)["name_es"])
    return {w for w in words if w} - spanish - set(table("fields")["label_es"])

"""Words of the needs products: a code and a language in, its label out."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from sim.needs.tables import table, translate

__all__ = ["LANGUAGES", "column_label", "label", "names_in", "phrase", "sentence", "text"]

LANGUAGES: Final = ("en", "es")
#: vocabularies that are the names of another table: kind -> (table, key column)
_NAMED: Final = {
    "location": ("countries", "code"),
    "sector": ("sectors", "code"),
    "group": ("population_groups", "code"),
    "population": ("populations", "id"),
    "arrangement": ("arrangements", "id"),
    "mechanism": ("mechanisms", "id"),
    "resource": ("resources", "id"),
    "funding": ("funding", "id"),
    "trigger": ("triggers", "id"),
    "standard": ("standards", "id"),
}


@cache
def _vocabulary(kind: str, language: str) -> dict[str, str]:
    if kind in _NAMED:
        name, key = _NAMED[kind]
        return translate(name, key, language)
    rows = table("labels")
    rows = rows[rows["kind"] == kind]
    return dict(zip(rows["key"], rows[language], strict=True))


def label(kind: str, key: object, language: str) -> str:
    """Label of a code; the code itself where there is no label for it."""
    return _vocabulary(kind, language).get(str(key), str(key))


def text(key: str, language: str) -> str:
    """A sentence or heading of the workbook."""
    return label("text", key, language)


@cache
def _columns(language: str) -> dict[tuple[str, str], str]:
    rows = table("fields")
    parts = (rows["table"], rows["name"], rows[f"label_{language}"], rows["unit"])
    return {(t, n): _with_money(s, unit) for t, n, s, unit in zip(*parts, strict=True)}


def _with_money(heading: str, unit: str) -> str:
    """A heading that says which money its numbers are."""
    return f"{heading}, {unit}" if unit == "USD" and unit not in heading else heading


def column_label(table_name: str, column: str, language: str) -> str:
    """Heading of a column."""
    return _columns(language).get((table_name, column), column)


@cache
def _phrases(language: str) -> tuple[tuple[str, str], ...]:
    pairs = _vocabulary("phrase", language)
    return tuple(sorted(pairs.items(), key=lambda pair: -len(pair[0])))


@lru_cache(maxsize=4096)
def phrase(sentence: str, language: str) -> str:
    """A source line with our own words translated; titles of cited works stay as they are."""
    out = sentence
    if language != "en":
        for known, translated in _phrases(language):
            out = out.replace(known, translated)
    return out


@lru_cache(maxsize=4096)
def names_in(joined: str, kind: str, language: str) -> str:
    """Names joined with '; ' in either language, put into one language."""
    back: dict[str, str] = {}
    for source in LANGUAGES:
        back.update({name: key for key, name in _vocabulary(kind, source).items()})
    out = []
    for part in filter(None, joined.split("; ")):
        name, bracket, role = part.partition(" [")
        key = back.get(name, name)
        translated = label(kind, key, language)
        out.append(
            translated + (f" [{label('mechanism_role', role.rstrip(']'), language)}]" if bracket else "")
        )
    return "; ".join(out)


#: tables of whole sentences and names, with the pair of columns that hold them
_SENTENCES: Final = (
    ("lead_rules", "finding"),
    ("minimums", "minimum"),
    ("border_pairs", "name"),
    ("overlays", "name"),
    ("methods", "text"),
    ("standards", "name"),
    ("sectors", "name"),
    ("mechanisms", "name"),
)


@cache
def _sentences(language: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, column in _SENTENCES:
        rows = table(name)
        for source in LANGUAGES:
            out.update(zip(rows[f"{column}_{source}"], rows[f"{column}_{language}"], strict=True))
    return out


def sentence(written: str, language: str) -> str:
    """A sentence of our own tables, or several joined with '; ', put into one language."""
    known = _sentences(language)
    if written in known:
        return known[written]
    return "; ".join(known.get(part, part) for part in written.split("; "))

"""The workbook: what enters is published needs, what leaves is an Excel file a meeting can print."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from sim.errors import DataError
from sim.needs import sheets
from sim.needs.axes import REGION
from sim.needs.labels import LANGUAGES, column_label, label, text
from sim.needs.tables import table

if TYPE_CHECKING:
    from sim.needs.needs import Needs

__all__ = ["write_workbook"]

_NOT_IN_OVERVIEW: Final = ("location_code", "requirement_low", "requirement_high", "local_authority",
                           "lgbtiq_focal_point", "source", "suppressed", "funding")

_SECTOR_WIDTHS: Final = [16.0, 24.0, 30.0, *([12.0] * 8), 15.0, 26.0]
#: sheets after the country sheets: table name, columns left out of print
_AFTER: Final = (
    ("coordination", ("arrangement", "assumption", "suppressed")), ("minimums", ("counts_people", "suppressed", "resource")),
    ("binational", ("suppressed",)), ("upstream", ("suppressed", "admin1_code")), ("triggers", ("suppressed",)),
    ("impacts", ("suppressed",)), ("sources", ()), ("assumptions", ()), ("audit", ()),
)


def write_workbook(needs: Needs, path: Path, lang: str) -> Path:
    """Write the needs workbook.

    Parameters
    ----------
    needs : Needs
        Published needs.
    path : Path
        Target ``.xlsx``; written aside and renamed.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    Path
        The file.
    """
    if lang not in LANGUAGES:
        raise DataError(f"unknown language {lang!r}; expected 'en' or 'es'")
    book = Workbook()
    first = book.active
    if first is not None:
        book.remove(first)
    _overview(book, needs, lang)
    for country in needs.countries:
        _country(book, needs, country, lang)
    _sectors(book, needs, lang)
    _matrix(book, needs, lang)
    for name, left_out in _AFTER:
        _plain_table(book, name, getattr(needs, name), left_out, lang)
    _glossary(book, lang)
    book.properties.title = text("title", lang)
    book.properties.creator = "Travesía"
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        book.save(part)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error}") from error
    return path


def _new(book: Workbook, title: str) -> Worksheet:
    sheet: Worksheet = book.create_sheet(title[:31])
    return sheet


def _overview(book: Workbook, needs: Needs, lang: str) -> None:
    sheet = _new(book, label("sheet", "overview", lang))
    row = sheets.heading(sheet, text("title", lang), _facts(needs, lang), text("caution", lang))
    frame = needs.overview
    columns = [c for c in frame.columns if c not in _NOT_IN_OVERVIEW]
    records = [sheets.words(record, columns, lang) for record in frame.to_dict("records")]
    sheets.block(sheet, row, [column_label("overview", c, lang) for c in columns], records, columns, freeze=True,
                 filters=True)
    sheets.finish(sheet, lang, repeat=row)


def _facts(needs: Needs, lang: str) -> list[tuple[str, str]]:
    manifest = needs.manifest
    window = f"{manifest.get('window_start', '')} / {manifest.get('window_end', '')}"
    run_date = manifest.get("run_date") or manifest.get("created") or text("unknown", lang)
    return [(text("scenario", lang), needs.scenario or text("unknown", lang)),
            (text("arrangement", lang), label("arrangement", needs.arrangement, lang)),
            (text("window", lang), window), (text("replicates", lang), manifest.get("replicates", "")),
            (text("run_date", lang), run_date),
            (text("data_as_of", lang), manifest.get("data_as_of") or text("unknown", lang))]


def _country(book: Workbook, needs: Needs, country: str, lang: str) -> None:
    """The same sheet for every country, whatever platform it has."""
    name = label("location", country, lang)
    sheet = _new(book, name)
    own = needs.table[needs.table["location_code"] == country]
    overview = needs.overview[needs.overview["location_code"] == country].tail(1)
    facts = _facts(needs, lang)[:4]
    caution = text("caution", lang)
    if len(overview) and str(overview["coverage_flag"].iloc[0]) == "gap":
        caution = text("no_platform", lang) + " " + caution
    row = sheets.heading(sheet, f"{name}: {text('title', lang)}", facts, caution)
    first = row
    for title, frame in (("monthly", sheets.monthly(own)), ("by_sector", sheets.by_sector(own)),
                         ("by_resource", sheets.by_resource(own)), ("by_group", sheets.by_group(own))):
        row = sheets.section(sheet, row, text(title, lang))
        columns = list(frame.columns)
        records = [sheets.words(record, columns, lang) for record in frame.to_dict("records")]
        heads = [sheets.column_name(c, lang) for c in columns]
        row = sheets.block(sheet, row, heads, records, columns, freeze=title == "monthly",
                           widths=sheets.COUNTRY_WIDTHS) + 1
    sheets.finish(sheet, lang, repeat=first + 1)


def _sectors(book: Workbook, needs: Needs, lang: str) -> None:
    sheet = _new(book, label("sheet", "sectors", lang))
    row = head = sheets.heading(sheet, label("sheet", "sectors", lang), [], text("caution", lang))
    parts = []
    for country in needs.countries:
        frame = sheets.by_sector(needs.table[needs.table["location_code"] == country])
        frame.insert(0, "location_code", country)
        parts.append(frame)
    frame = pd.concat([p for p in parts if len(p)], ignore_index=True) if any(len(p) for p in parts) else parts[0]
    region = sheets.by_resource(needs.table[needs.table["location_code"] == REGION])
    columns = list(frame.columns)
    records = [sheets.words(r, columns, lang) for r in frame.to_dict("records")]
    row = sheets.block(sheet, row, [sheets.column_name(c, lang) for c in columns], records, columns, freeze=True,
                       widths=_SECTOR_WIDTHS)
    if len(region):
        row = sheets.section(sheet, row + 1, label("location", REGION, lang))
        columns = list(region.columns)
        records = [sheets.words(r, columns, lang) for r in region.to_dict("records")]
        sheets.block(sheet, row, [sheets.column_name(c, lang) for c in columns], records, columns,
                     widths=_SECTOR_WIDTHS)
    sheets.finish(sheet, lang, repeat=head)


def _matrix(book: Workbook, needs: Needs, lang: str) -> None:
    """Sectors by countries, last year: the coverage flag of the population with most people in need."""
    sheet = _new(book, label("sheet", "matrix", lang))
    row = sheets.heading(sheet, label("sheet", "matrix", lang), [(text("arrangement", lang),
                         label("arrangement", needs.arrangement, lang))], "")
    grid = sheets.flags(needs.table)
    columns = ["sector_code", *[c for c in grid.columns if c != "sector_code"]]
    heads = [sheets.column_name("sector_code", lang), *[label("location", c, lang) for c in columns[1:]]]
    records = [{c: label("sector" if c == "sector_code" else "flag", r[c], lang) for c in columns}
               for r in grid.to_dict("records")]
    sheets.block(sheet, row, heads, records, columns, freeze=True, widths=[34.0, *([13.0] * (len(columns) - 1))],
                 coloured=True)
    sheets.finish(sheet, lang, repeat=row)


def _plain_table(book: Workbook, name: str, frame: pd.DataFrame, left_out: tuple[str, ...], lang: str) -> None:
    sheet = _new(book, label("sheet", name, lang))
    row = sheets.heading(sheet, label("sheet", name, lang), [], "")
    columns = [c for c in frame.columns if c not in left_out and c not in ("source", "assumption")]
    columns += [c for c in ("assumption", "source") if c in frame.columns and c not in left_out]
    shown = sheets.hidden_shown(frame)
    records: list[dict[str, Any]] = [sheets.words(r, columns, lang) for r in shown[columns].to_dict("records")]
    heads = [sheets.column_name(c, lang) if c in ("sector_code", "location_code") else column_label(name, c, lang)
             for c in columns]
    sheets.block(sheet, row, heads, records, columns, freeze=True, filters=True)
    sheets.finish(sheet, lang, repeat=row)


def _glossary(book: Workbook, lang: str) -> None:
    sheet = _new(book, label("sheet", "glossary", lang))
    row = sheets.heading(sheet, label("sheet", "glossary", lang), [], text("feedback", lang))
    records = [{"id": r[f"term_{lang}"], "name": r[f"text_{lang}"], "source": sheets.source_words(str(r["source"]), lang)}
               for r in table("glossary").to_dict("records")]
    columns = ["id", "name", "source"]
    sheets.block(sheet, row, [column_label("assumptions", c, lang) for c in columns], records, columns, freeze=True)
    sheets.finish(sheet, lang, repeat=row)

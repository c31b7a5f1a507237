"""The workbook: published needs in, an Excel file a meeting can print out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from openpyxl import Workbook

from sim.errors import DataError
from sim.needs import sheets
from sim.needs.axes import REGION
from sim.needs.export import whole
from sim.needs.labels import LANGUAGES, column_label, label, text
from sim.needs.sheets import Layout
from sim.needs.tables import records, table

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

    from sim.needs.needs import Needs

__all__ = ["write_workbook"]

_NOT_IN_OVERVIEW: Final = (
    "location_code",
    "requirement_low",
    "requirement_high",
    "local_authority",
    "lgbtiq_focal_point",
    "source",
    "suppressed",
    "funding",
)

#: long tables: the sheet has the last year, the CSV beside it has all of them
_LAST_YEAR_ONLY: Final = ("coordination",)
_SECTOR_WIDTHS: Final = (16.0, 24.0, 30.0, *([12.0] * 8), 15.0, 26.0)
#: sheets after the country sheets: table name, columns left out of print
_AFTER: Final = (
    ("coordination", ("arrangement", "assumption", "suppressed")),
    ("minimums", ("counts_people", "suppressed", "resource")),
    ("binational", ("suppressed",)),
    ("upstream", ("suppressed", "admin1_code")),
    ("triggers", ("suppressed",)),
    ("impacts", ("suppressed",)),
    ("sources", ()),
    ("assumptions", ()),
    ("audit", ()),
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
        msg = f"unknown language {lang!r}; expected 'en' or 'es'"
        raise DataError(msg)
    book = Workbook()
    first = book.active
    if first is not None:
        book.remove(first)
    _overview(book, needs, lang)
    by_place = {str(place): rows for place, rows in needs.table.groupby("location_code", observed=True)}
    by_sector = {country: sheets.by_sector(by_place[country]) for country in needs.countries}
    by_name = sorted(needs.countries, key=lambda country: label("location", country, lang))
    for country in by_name:
        _country(book, needs, country, by_place[country], by_sector[country], lang)
    _sectors(book, by_sector, by_place.get(REGION), lang)
    _matrix(book, needs, lang)
    for name, left_out in _AFTER:
        _plain_table(book, name, getattr(needs, name), left_out, lang)
    _glossary(book, lang)
    book.properties.title = text("title", lang)
    book.properties.creator = "Travesía"
    with whole(path) as part:
        book.save(part)
    return path


def _new(book: Workbook, title: str) -> Worksheet:
    sheet: Worksheet = book.create_sheet(title[:31])
    return sheet


def _overview(book: Workbook, needs: Needs, lang: str) -> None:
    sheet = _new(book, label("sheet", "overview", lang))
    row = sheets.heading(sheet, text("title", lang), _facts(needs, lang), text("caution", lang))
    columns = [c for c in needs.overview.columns if c not in _NOT_IN_OVERVIEW]
    rows = [sheets.words(record, columns, lang) for record in records(needs.overview)]
    heads = [column_label("overview", c, lang) for c in columns]
    sheets.block(sheet, row, heads, rows, columns, Layout(freeze=True, filters=True))
    sheets.finish(sheet, lang, repeat=row)


def _facts(needs: Needs, lang: str) -> list[tuple[str, str]]:
    manifest = needs.manifest
    window = f"{manifest.get('window_start', '')} / {manifest.get('window_end', '')}"
    run_date = manifest.get("run_date") or manifest.get("created") or text("unknown", lang)
    return [
        (text("scenario", lang), needs.scenario or text("unknown", lang)),
        (text("arrangement", lang), label("arrangement", needs.arrangement, lang)),
        (text("window", lang), window),
        (text("replicates", lang), manifest.get("replicates", "")),
        (text("run_date", lang), run_date),
        (text("data_as_of", lang), manifest.get("data_as_of") or text("unknown", lang)),
    ]


def _country(
    book: Workbook, needs: Needs, country: str, own: pd.DataFrame, by_sector: pd.DataFrame, lang: str
) -> None:
    """Write the same sheet for every country, whatever platform it has."""
    name = label("location", country, lang)
    sheet = _new(book, name)
    overview = needs.overview[needs.overview["location_code"] == country].tail(1)
    caution = text("caution", lang)
    if len(overview) and str(overview["coverage_flag"].iloc[0]) == "gap":
        caution = text("no_platform", lang) + " " + caution
    row = sheets.heading(sheet, f"{name}: {text('title', lang)}", _facts(needs, lang)[:4], caution)
    parts = {
        "monthly": sheets.monthly(own),
        "by_sector": by_sector,
        "by_resource": sheets.by_resource(own),
        "by_group": sheets.by_group(own),
    }
    for title, frame in parts.items():
        row = sheets.section(sheet, row, text(title, lang))
        layout = Layout(freeze=title == "monthly", widths=sheets.COUNTRY_WIDTHS)
        row = _frame(sheet, row, frame, lang, layout) + 1
    sheets.finish(sheet, lang, repeat=1)  # the title: a block's headings over another block would mislead


def _frame(sheet: Worksheet, row: int, frame: pd.DataFrame, lang: str, layout: Layout) -> int:
    """Write a table of the country kind; returns the first row after it."""
    columns = list(frame.columns)
    rows = [sheets.words(record, columns, lang) for record in records(frame)]
    return sheets.block(sheet, row, [sheets.column_name(c, lang) for c in columns], rows, columns, layout)


def _sectors(
    book: Workbook, by_sector: dict[str, pd.DataFrame], region: pd.DataFrame | None, lang: str
) -> None:
    sheet = _new(book, label("sheet", "sectors", lang))
    row = head = sheets.heading(sheet, label("sheet", "sectors", lang), [], text("caution", lang))
    parts = []
    for country, rows in by_sector.items():
        frame = rows.copy()
        frame.insert(0, "location_code", country)
        parts.append(frame)
    whole = pd.concat([p for p in parts if len(p)] or parts, ignore_index=True)
    row = _frame(sheet, row, whole, lang, Layout(freeze=True, widths=_SECTOR_WIDTHS))
    resources = sheets.by_resource(region) if region is not None else pd.DataFrame()
    if len(resources):
        row = sheets.section(sheet, row + 1, label("location", REGION, lang))
        _frame(sheet, row, resources, lang, Layout(widths=_SECTOR_WIDTHS))
    sheets.finish(sheet, lang, repeat=head)


def _matrix(book: Workbook, needs: Needs, lang: str) -> None:
    """Write sectors by countries, last year: the flag of the population with most people in need."""
    sheet = _new(book, label("sheet", "matrix", lang))
    facts = [(text("arrangement", lang), label("arrangement", needs.arrangement, lang))]
    row = sheets.heading(sheet, label("sheet", "matrix", lang), facts, "")
    grid = sheets.flags(needs.table)
    columns = ["sector_code", *[c for c in grid.columns if c != "sector_code"]]
    heads = [sheets.column_name("sector_code", lang), *[label("location", c, lang) for c in columns[1:]]]
    rows = [
        {c: label("sector" if c == "sector_code" else "flag", r[c], lang) for c in columns}
        for r in records(grid)
    ]
    widths = (34.0, *([13.0] * (len(columns) - 1)))
    sheets.block(sheet, row, heads, rows, columns, Layout(freeze=True, widths=widths, coloured=True))
    sheets.finish(sheet, lang, repeat=row)


def _plain_table(
    book: Workbook, name: str, frame: pd.DataFrame, left_out: tuple[str, ...], lang: str
) -> None:
    sheet = _new(book, label("sheet", name, lang))
    row = sheets.heading(sheet, label("sheet", name, lang), [], "")
    columns = [c for c in frame.columns if c not in left_out and c not in ("source", "assumption")]
    columns += [c for c in ("assumption", "source") if c in frame.columns and c not in left_out]
    if name in _LAST_YEAR_ONLY and len(frame):
        frame = frame[frame["year"] == frame["year"].max()]
    rows = [sheets.words(r, columns, lang) for r in records(sheets.hidden_shown(frame)[columns])]
    heads = [
        sheets.column_name(c, lang) if c in ("sector_code", "location_code") else column_label(name, c, lang)
        for c in columns
    ]
    sheets.block(sheet, row, heads, rows, columns, Layout(freeze=True, filters=True))
    sheets.finish(sheet, lang, repeat=row)


def _glossary(book: Workbook, lang: str) -> None:
    sheet = _new(book, label("sheet", "glossary", lang))
    row = sheets.heading(sheet, label("sheet", "glossary", lang), [], text("feedback", lang))
    rows: list[dict[str, Any]] = [
        {
            "id": r[f"term_{lang}"],
            "name": r[f"text_{lang}"],
            "source": sheets.source_words(str(r["source"]), lang),
        }
        for r in records(table("glossary"))
    ]
    columns = ["id", "name", "source"]
    heads = [column_label("assumptions", c, lang) for c in columns]
    sheets.block(sheet, row, heads, rows, columns, Layout(freeze=True))
    sheets.finish(sheet, lang, repeat=row)

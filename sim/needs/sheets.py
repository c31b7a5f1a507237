"""Parts of a sheet: published rows in, cells with words, formats and print set-up out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from sim.needs.axes import ALL
from sim.needs.labels import column_label, label, names_in, phrase, sentence, text
from sim.needs.safeguard import HIDDEN, as_text
from sim.needs.tables import table

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = [
    "COUNTRY_WIDTHS",
    "Layout",
    "block",
    "by_group",
    "by_resource",
    "by_sector",
    "column_name",
    "finish",
    "flags",
    "heading",
    "hidden_shown",
    "monthly",
    "section",
    "source_words",
    "words",
]

#: paper sizes as spreadsheets number them, and the widest sheet (in characters) that is readable on the smaller
_A4, _A3, _WIDEST_A4 = 9, 8, 200.0
_LINE_POINTS: Final = 13.0
#: widths of the country sheets, shared by their blocks
COUNTRY_WIDTHS: Final = (9.0, 24.0, 24.0, *([11.5] * 3), *([14.0] * 3), *([11.5] * 8), *([14.0] * 3))
_HEAD_FONT: Final = Font(bold=True, color="FFFFFF", size=9)
_HEAD_PLACE: Final = Alignment(wrap_text=True, vertical="center", horizontal="center")
_HEAD: Final = PatternFill("solid", fgColor="1F4E5F")
_BAND: Final = PatternFill("solid", fgColor="E8F0F2")
_RUN_ON: Final = ("source", "lead_mechanism")
_NO_DECIMALS: Final = 100
#: text that stands where a number would, at the right like the numbers around it
_HIDDEN_FORMAT: Final = ";;;@"
_FLAGS: Final = {"gap": "F4B6A6", "no_lead": "F9D8A8", "duplication": "F6E27F", "covered_scarce": "E3E9C8"}
_LINE: Final = Border(bottom=Side(style="hair", color="9AA5AB"))
_UNSET: Final = "to be set locally"
#: column -> vocabulary of its codes
_KIND: Final = {
    "location_code": "location",
    "from_country": "location",
    "to_country": "location",
    "country": "location",
    "location_name": "location",
    "sector_code": "sector",
    "category": "stage",
    "population_group": "group",
    "gender": "gender",
    "age_range": "age",
    "population_status": "status",
    "measure": "measure",
    "basis": "basis",
    "unit": "unit",
    "coverage_flag": "flag",
    "resource": "resource",
    "funding": "funding",
    "population": "population",
    "nexus": "nexus",
    "plan_check": "verdict",
    "binational_coordination": "binational",
    "weeks": "weeks",
    "trigger": "trigger",
    "theme": "theme",
    "role": "stage",
    "table": "table",
    "arrangement": "arrangement",
    "period_kind": "period",
}
_LISTS: Final = {"roles": "stage", "kinds": "kind"}
_NAMES: Final = {"lead_mechanism", "others", "lead_from", "lead_to", "leads_mobility", "leads_other"}
_SENTENCES: Final = {"finding", "protocol", "minimum", "border", "events", "name"}
_SHARES: Final = {"children_share", "irregular_share", "probability", "false_alarm_rate", "miss_rate"}
_WIDE: Final = {
    "name": 80,
    "minimum": 44,
    "source": 40,
    "finding": 30,
    "protocol": 36,
    "events": 30,
    "others": 26,
    "lead_mechanism": 22,
    "resource": 30,
    "places": 26,
    "source_ref": 36,
    "leads_mobility": 24,
    "leads_other": 24,
    "reason": 30,
    "roles": 18,
    "border": 24,
    "sector_code": 24,
    "population": 26,
    "lead_from": 24,
    "lead_to": 24,
    "coverage_flag": 13,
    "plan_check": 12,
    "population_group": 24,
    "binational_coordination": 18,
    "trigger": 30,
    "basis": 16,
    "kinds": 16,
    "location_name": 16,
    "location_code": 14,
    "from_country": 14,
    "admin1_name": 18,
    "theme": 18,
}
#: columns of country sheets: key -> (measure, status, resource, basis, level)
_MONTHLY: Final = {
    "people": ("unique_people", "all", "", "total", "middle"),
    "people_lo80": ("unique_people", "all", "", "total", "population_lo80"),
    "people_hi80": ("unique_people", "all", "", "total", "population_hi80"),
    "in_need": ("unique_people", "INN", "", "total", "middle"),
    "targeted": ("unique_people", "TGT", "", "total", "middle"),
    "crossings": ("crossings", "all", "", "total", "middle"),
    "person_days": ("person_days", "all", "", "total", "middle"),
    "travel_days": ("travel_days", "all", "", "total", "middle"),
    "present_average": ("people_present", "all", "", "average", "middle"),
    "present_peak": ("people_present", "all", "", "peak", "middle"),
    "waiting_at_home": ("waiting_at_home", "all", "", "average", "middle"),
    "r:water": ("resource", "", "water", "total", "middle"),
    "r:rations": ("resource", "", "rations", "total", "middle"),
    "r:shelter_places": ("resource", "", "shelter_places", "peak", "middle"),
    "r:consultations": ("resource", "", "consultations", "total", "middle"),
    "r:transport_seats": ("resource", "", "transport_seats", "total", "middle"),
    "requirement_low": ("requirement", "", "", "total", "low"),
    "requirement": ("requirement", "", "", "total", "middle"),
    "requirement_high": ("requirement", "", "", "total", "high"),
}


#: what tells the columns above apart, in the order of their entries
_MONTHLY_KEYS: Final = ("measure", "population_status", "resource", "basis")


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are shown: hidden cells as '<15', figures a country office must still set as such."""
    out = frame.copy()
    hidden = (out["suppressed"] != "").to_numpy()
    for name in ("low", "middle", "high", "population_lo80", "population_hi80"):
        values = out[name].astype(object)
        unset = values.isna().to_numpy() & ~hidden & (out["measure"] == "resource").to_numpy()
        out[name] = np.where(hidden, HIDDEN, np.where(unset, _UNSET, values))
    return out


def _country_totals(own: pd.DataFrame) -> pd.DataFrame:
    keep = np.ones(len(own), dtype=bool)
    for name in ("category", "population_group", "gender", "age_range"):
        keep &= (own[name] == ALL).to_numpy()
    return own[keep & (own["admin1_code"] == "").to_numpy()]


def monthly(own: pd.DataFrame) -> pd.DataFrame:
    """Headline numbers of a country, one row for each month and year, taken from the published table."""
    whole = _country_totals(own)
    periods = whole[["reference_period_start", "period"]].drop_duplicates()
    periods = periods.astype({"period": str}).sort_values(
        ["period", "reference_period_start"], ignore_index=True
    )
    wanted = whole["measure"].isin([measure for measure, *_ in _MONTHLY.values()])
    base = _shown(whole[wanted & ((whole["sector_code"] == "ALL") | (whole["resource"] != ""))])
    when = pd.MultiIndex.from_frame(base[["reference_period_start", "period"]].astype({"period": str}))
    at = pd.MultiIndex.from_frame(periods).get_indexer(when)
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*(base[name].astype(str) for name in _MONTHLY_KEYS), strict=True)):
        rows.setdefault(key, []).append(row)
    out: dict[str, Any] = {
        "month": [
            s.strftime("%Y-%m") if k == "month" else str(s.year)
            for s, k in zip(periods["reference_period_start"], periods["period"], strict=True)
        ],
    }
    for name, (*given, level) in _MONTHLY.items():
        found = np.array(rows.get(tuple(given), []), dtype=np.intp)[
            ::-1
        ]  # the first of several is written last
        values = np.full(len(periods), np.nan, dtype=object)
        values[at[found]] = base[level].to_numpy()[found]
        out[name] = values
    return pd.DataFrame(out)


def _last_years(own: pd.DataFrame) -> pd.DataFrame:
    return own[(own["period"] == "year") & (own["admin1_code"] == "")]


def by_sector(own: pd.DataFrame) -> pd.DataFrame:
    """In need, targeted, USD, gap, lead and flag of each sector and year."""
    base = _shown(_country_totals(_last_years(own)))
    keys = ["reference_period_start", "sector_code"]
    need = base[(base["measure"] == "unique_people") & (base["sector_code"] != "ALL")]
    inn = need[need["population_status"] == "INN"].astype({"sector_code": str})
    money = base[base["measure"] == "requirement"].astype({"sector_code": str})
    gap = base[base["measure"] == "gap"].astype({"sector_code": str, "funding": str})
    chosen = "as_2023" if (gap["funding"] == "as_2023").any() else next(iter(gap["funding"]), "")
    gap = gap[gap["funding"] == chosen]
    target = need[need["population_status"] == "TGT"].astype({"sector_code": str})
    out = inn[[*keys, "low", "middle", "high", "lead_mechanism", "coverage_flag"]].rename(
        columns={"middle": "in_need"}
    )
    out = out.merge(target[[*keys, "middle"]].rename(columns={"middle": "targeted"}), on=keys, how="left")
    out = out.merge(
        money[[*keys, "low", "middle", "high"]].rename(
            columns={"low": "requirement_low", "middle": "requirement", "high": "requirement_high"}
        ),
        on=keys,
        how="left",
    )
    out = out.merge(gap[[*keys, "middle"]].rename(columns={"middle": "gap"}), on=keys, how="left")
    out.insert(0, "year", out.pop("reference_period_start").dt.year)
    return out[
        [
            "year",
            "sector_code",
            "in_need",
            "low",
            "high",
            "targeted",
            "requirement_low",
            "requirement",
            "requirement_high",
            "gap",
            "coverage_flag",
            "lead_mechanism",
        ]
    ]


def by_resource(own: pd.DataFrame) -> pd.DataFrame:
    """Resources of each year with unit, source and assumption."""
    base = _shown(_country_totals(_last_years(own)))
    part = base[base["measure"] == "resource"]
    out = part[
        ["sector_code", "resource", "basis", "low", "middle", "high", "unit", "nexus", "assumption", "source"]
    ]
    out = out.astype({"sector_code": str})
    out.insert(0, "year", part["reference_period_start"].dt.year)
    return out.reset_index(drop=True)


def flags(published: pd.DataFrame) -> pd.DataFrame:
    """Coverage flags of the last year, sectors in rows and countries in columns."""
    years = published[
        (published["period"] == "year")
        & (published["measure"] == "unique_people")
        & (published["population_status"] == "INN")
        & (published["gender"] == ALL)
        & (published["sector_code"] != "ALL")
        & (published["coverage_flag"] != "")
    ]
    last = years[years["reference_period_start"] == years["reference_period_start"].max()]
    plain = last[["sector_code", "location_code", "coverage_flag"]].astype(str)
    grid = plain.drop_duplicates(["sector_code", "location_code"]).pivot(
        index="sector_code", columns="location_code", values="coverage_flag"
    )
    order = [c for c in published["sector_code"].cat.categories if c in grid.index]
    out: pd.DataFrame = grid.reindex(order).fillna("").reset_index()
    return out


def hidden_shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers of a table beside, with hidden cells as '<15'."""
    if "suppressed" not in frame.columns:
        return frame
    out = frame.copy()
    hidden = (out["suppressed"] == HIDDEN).to_numpy()
    for name in ("low", "middle", "high", "threshold"):
        if name in out.columns:
            out[name] = np.where(hidden, HIDDEN, out[name].astype(object))
    return out


def by_group(own: pd.DataFrame) -> pd.DataFrame:
    """Unique people of each year by stage, group, sex and age."""
    base = _shown(_last_years(own))
    part = base[
        (base["measure"] == "unique_people")
        & (base["sector_code"] == "ALL")
        & base["population_status"].isin(["all", "INN"])
    ]
    out = part[
        ["category", "population_group", "gender", "age_range", "population_status", "low", "middle", "high"]
    ]
    out = out.copy()
    out.insert(0, "year", part["reference_period_start"].dt.year)
    return out.reset_index(drop=True)


def column_name(column: str, lang: str) -> str:
    """Heading of a column of a country sheet."""
    column = {"sector_code": "sector_name", "location_code": "location_name"}.get(column, column)
    if column.startswith("r:"):
        unit = str(table("resources").set_index("id").loc[column[2:], "unit"])
        name, shown = label("resource", column[2:], lang), label("unit", unit, lang)
        return name if shown.lower() in name.lower() else f"{name}, {shown}"
    for name in ("needs", "overview", "coordination", "simple"):
        found = column_label(name, column, lang)
        if found != column:
            return found
    return column


def source_words(source: str, lang: str) -> str:
    """A source line in the workbook's language."""
    return phrase(source, lang)


def words(record: dict[Any, Any], columns: list[str], lang: str) -> dict[str, Any]:
    """A record with its codes turned into words of one language."""
    out: dict[str, Any] = {}
    for column in columns:
        value = record[column]
        if column == "location_name":
            value = label("location", record.get("location_code", value), lang)
        elif column in _LISTS:
            value = ", ".join(
                label(_LISTS[column], x.strip(), lang) for x in str(value).split(";") if x.strip()
            )
        elif column in _NAMES:
            value = names_in(str(value), "mechanism", lang)
        elif column in _KIND and not (column == "location_code" and "location_name" in columns):
            value = label(_KIND[column], value, lang) if isinstance(value, str) and value else value
        elif column == "places":
            value = "; ".join(label("place", name, lang) for name in str(value).split("; "))
        elif column in ("source", "source_ref"):
            value = phrase(str(value), lang)
        elif column in _SENTENCES:
            value = sentence(str(value), lang)
        out[column] = _cell_value(value, lang)
    return out


def _cell_value(value: object, lang: str) -> object:
    if isinstance(value, (bool, np.bool_)):
        return text("true" if value else "false", lang)
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else float(value)
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime().date()
    if isinstance(value, np.integer):
        return int(value)
    if value is pd.NaT or value is None:
        return None
    if value == _UNSET:
        return text("unset", lang)
    return as_text(value)


def heading(sheet: Worksheet, title: str, facts: list[tuple[str, str]], caution: str) -> int:
    """Title, facts and caution; returns the next free row."""
    sheet.cell(1, 1, title).font = Font(bold=True, size=14, color="1F4E5F")
    row = 2
    if facts:
        line = "   |   ".join(f"{name}: {value}" for name, value in facts)
        sheet.cell(row, 1, line).font = Font(size=9, color="444444")
        row += 1
    if caution:
        cell = sheet.cell(row, 1, caution)
        cell.font = Font(italic=True, size=9, color="8A3B12")
        row += 1
    return row + 1


def section(sheet: Worksheet, row: int, title: str) -> int:
    """A heading inside a sheet; returns the next row."""
    sheet.cell(row, 1, title).font = Font(bold=True, size=12, color="1F4E5F")
    return row + 1


@dataclass(frozen=True)
class Layout:
    """How a block is laid out.

    Parameters
    ----------
    freeze, filters : bool
        Freeze the header; add filters.
    widths : tuple of float
        Column widths shared by every block of the sheet; chosen from the contents if empty.
    coloured : bool
        Colour every cell that is a coverage flag, not only the flag column.
    """

    freeze: bool = False
    filters: bool = False
    widths: tuple[float, ...] = ()
    coloured: bool = False

    def wraps(self, column: str) -> bool:
        """Whether a column's text is wrapped; in shared columns the last, long ones run on to the right."""
        return self.coloured or (column in _WIDE and not (self.widths and column in _RUN_ON))


def block(
    sheet: Worksheet,
    row: int,
    heads: list[str],
    rows: list[dict[str, Any]],
    columns: list[str],
    layout: Layout | None = None,
) -> int:
    """Write a table with its header; returns the first row after it.

    Parameters
    ----------
    sheet : Worksheet
        Where to write.
    row : int
        Row of the header.
    heads : list of str
        Headings.
    rows : list of dict
        Rows, already in words.
    columns : list of str
        Keys of the rows, in order.
    layout : Layout, optional
        Freezing, filters, widths and colours.
    """
    chosen = layout or Layout()
    widths = chosen.widths or tuple(_widths(columns, rows, heads))
    for position, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(position)].width = width
    for position, title in enumerate(heads, start=1):
        cell = sheet.cell(row, position, title)
        cell.font, cell.fill, cell.alignment = _HEAD_FONT, _HEAD, _HEAD_PLACE
    longest = max((len(h) / widths[i] for i, h in enumerate(heads)), default=1.0)
    sheet.row_dimensions[row].height = 13.0 * min(max(float(np.ceil(longest * 1.3)), 2.0), 5.0)
    if chosen.freeze:
        first = 2 if columns[0] in ("month", "location_name", "sector_code") else 1
        sheet.freeze_panes = f"{get_column_letter(first)}{row + 1}"
    if chosen.filters and rows:
        sheet.auto_filter.ref = f"A{row}:{get_column_letter(len(columns))}{row + len(rows)}"
    for offset, record in enumerate(rows, start=1):
        _write_row(sheet, row + offset, record, columns, chosen, band=offset % 2 == 0)
        lines = _lines_of(record, columns, widths, chosen)
        if lines > 1:
            sheet.row_dimensions[row + offset].height = _LINE_POINTS * lines + 1.5
    return row + len(rows) + 1


def _lines_of(record: dict[str, Any], columns: list[str], widths: tuple[float, ...], layout: Layout) -> int:
    """Lines the longest wrapped cell of a row needs."""
    most = 1
    for position, column in enumerate(columns):
        value = record[column]
        if isinstance(value, str) and layout.wraps(column):
            most = max(most, int(np.ceil(len(value) * 1.08 / widths[position])))
    return min(most, 12)


def _write_row(
    sheet: Worksheet, row: int, record: dict[str, Any], columns: list[str], layout: Layout, *, band: bool
) -> None:
    book: Any = sheet.parent
    styles: dict[tuple[str, bool, bool, str], Any] = book.__dict__.setdefault("_needs_styles", {})
    for position, column in enumerate(columns, start=1):
        value = record[column]
        cell: Any = sheet.cell(row, position)
        cell.value = value
        if isinstance(value, str):
            cell.data_type = "s"
        flagged = isinstance(value, str) and (layout.coloured or column == "coverage_flag")
        key = (
            _format(value, column),
            band and not layout.coloured,
            layout.wraps(column),
            value if flagged else "",
        )
        if key not in styles:
            _style(cell, key)
            styles[key] = cell._style  # openpyxl has no public way to share a style
        else:
            cell._style = styles[key]


def _format(value: object, column: str) -> str:
    """Number format of a value."""
    if isinstance(value, dt.date):
        return "yyyy-mm-dd"
    if value == HIDDEN:
        return _HIDDEN_FORMAT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "General" if value is None else "@"
    if column == "year":
        return "0"
    if column in _SHARES:
        return "0 %"
    return "#,##0" if abs(value) >= _NO_DECIMALS or value == round(value) else "#,##0.0##"


def _style(cell: Any, key: tuple[str, bool, bool, str]) -> None:  # noqa: ANN401  (openpyxl's cell classes vary)
    number_format, band, wide, flag = key
    cell.border = _LINE
    cell.number_format = number_format
    if band:
        cell.fill = _BAND
    if number_format == _HIDDEN_FORMAT:
        cell.alignment = Alignment(horizontal="right", vertical="top")
    elif number_format == "0":
        cell.alignment = Alignment(horizontal="left", vertical="top")
    elif number_format in ("@", "General"):
        cell.alignment = Alignment(horizontal="left", wrap_text=wide, vertical="top", indent=1)
    else:
        cell.alignment = Alignment(vertical="top")
    for name, colour in _FLAGS.items():
        if flag and flag in (label("flag", name, "en"), label("flag", name, "es")):
            cell.fill = PatternFill("solid", fgColor=colour)


def _widths(columns: list[str], rows: list[dict[str, Any]], heads: list[str]) -> list[float]:
    """Widths from the contents, within what fits a page, and never so narrow that a word of the heading breaks."""
    out = []
    for column, head in zip(columns, heads, strict=True):
        longest = max((len(str(r[column])) for r in rows[:400] if r[column] is not None), default=0)
        word = max((len(part) for part in head.split()), default=0)
        limit = _WIDE.get(column, 22)
        out.append(max(float(min(max(longest + 2, 9), limit)), 1.25 * word + 1.0))
    return out


def finish(sheet: Worksheet, lang: str, *, repeat: int) -> None:
    """Print set-up: landscape, one page wide (A4, or A3 where it would be too small), header repeated, page numbers."""
    sheet.page_setup.orientation = "landscape"
    across = sum(dimension.width for dimension in sheet.column_dimensions.values())
    sheet.page_setup.paperSize = _A3 if across > _WIDEST_A4 else _A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    sheet.print_title_rows = f"{repeat}:{repeat}"
    sheet.print_options.gridLines = False
    footer: Any = sheet.oddFooter
    footer.left.text = "Travesía"
    footer.center.text = sheet.title
    footer.right.text = f"{text('page', lang)} &P {text('of', lang)} &N"
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.sheet_view.zoomScale = 90

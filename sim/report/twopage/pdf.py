"""The brief as a PDF: the content model enters, exactly two A4 pages leave; fonts are embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from matplotlib import get_data_path
from reportlab.graphics.shapes import Circle, Drawing, Line, Polygon, PolyLine, Rect, String
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, KeepInFrame, Paragraph, Spacer, Table

from sim.report.twopage.chart import trend_chart
from sim.report.twopage.content import Bar, Brief, GroupRow, Trigger
from sim.report.words import brief_phrase as say

__all__ = ["render_pdf"]

MARGIN: Final = 12 * mm
WIDTH: Final = A4[0] - 2 * MARGIN
HEIGHT: Final = A4[1] - 2 * MARGIN - 4 * mm
INK, BLUE, LINE, PALE = HexColor("#1d1d1d"), HexColor("#0b4f7d"), HexColor("#c9c9c9"), HexColor("#eef4f8")
LIGHTS: Final = {"red": "#B3261E", "amber": "#E69F00", "green": "#009E73"}
WAYS: Final = {"northward": "#0072B2", "southward": "#D55E00", "lateral": "#9a9a9a", "return": "#CC79A7"}
HATCHED: Final = {"southward": 1, "return": -1}
#: Sizes of the letters to try, largest first, until a page fits.
SCALES: Final = (1.12, 1.06, 1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
ARROWS: Final = {"up": "▲", "down": "▼", "same": "="}


@cache
def fonts() -> str:
    """Register the DejaVu fonts that come with matplotlib; they know every letter of both languages."""
    folder = Path(get_data_path()) / "fonts" / "ttf"
    for name, file in (("Travesia", "DejaVuSans.ttf"), ("Travesia-Bold", "DejaVuSans-Bold.ttf")):
        registerFont(TTFont(name, str(folder / file)))
    registerFontFamily(
        "Travesia", normal="Travesia", bold="Travesia-Bold", italic="Travesia", boldItalic="Travesia-Bold"
    )
    return "Travesia"


def padding(side: float, level: float) -> list[tuple[Any, ...]]:
    """Table commands for narrow cells."""
    return [
        ("LEFTPADDING", (0, 0), (-1, -1), side),
        ("RIGHTPADDING", (0, 0), (-1, -1), side),
        ("TOPPADDING", (0, 0), (-1, -1), level),
        ("BOTTOMPADDING", (0, 0), (-1, -1), level),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]


def light(trigger: Trigger) -> Drawing:
    """The light: shape and colour say the same."""
    drawing = Drawing(30, 30)
    colour = HexColor(LIGHTS.get(trigger.level, "#ffffff"))
    if trigger.level == "red":
        points = [10, 1, 20, 1, 29, 10, 29, 20, 20, 29, 10, 29, 1, 20, 1, 10]
        drawing.add(Polygon(points, fillColor=colour, strokeColor=INK, strokeWidth=1))
    elif trigger.level == "amber":
        drawing.add(Polygon([15, 28, 29, 2, 1, 2], fillColor=colour, strokeColor=INK, strokeWidth=1))
    else:
        dash = None if trigger.level == "green" else [3, 2]
        drawing.add(
            Circle(15, 15, 13, fillColor=colour, strokeColor=INK, strokeWidth=1, strokeDashArray=dash)
        )
    return drawing


def direction_drawing(bars: Sequence[Bar], width: float) -> Drawing:
    """A bar whose parts differ in colour and in hatching."""
    drawing = Drawing(width, 13)
    left = 0.0
    for bar in bars:
        part = bar.share * width
        drawing.add(
            Rect(left, 1, part, 11, fillColor=HexColor(WAYS[bar.key]), strokeColor=INK, strokeWidth=0.5)
        )
        for line in hatching(bar.key, left, part, 1, 11):
            drawing.add(line)
        left += part
    return drawing


def hatching(key: str, left: float, width: float, low: float, height: float) -> list[Line]:
    """White slanted lines inside a rectangle, for the directions that have them."""
    slant = HATCHED.get(key)
    if slant is None:
        return []
    lines = []
    at = 4.0
    while at < width:
        reach = min(height, at)
        ends = (
            (left + at, low, left + at - reach, low + reach)
            if slant > 0
            else (left + at, low + height, left + at - reach, low + height - reach)
        )
        lines.append(Line(*ends, strokeColor=white, strokeWidth=0.8))
        at += 4
    return lines


@dataclass(frozen=True)
class Setter:
    """Sets the pages of one brief with all letters scaled alike.

    Parameters
    ----------
    brief : Brief
        The content model.
    scale : float
        Size of the letters; 1 is small print.
    """

    brief: Brief
    scale: float

    def style(
        self, size: float, *, bold: bool = False, colour: Color = INK, right: bool = False, after: float = 0.0
    ) -> ParagraphStyle:
        """A paragraph style."""
        family = fonts()
        size *= self.scale
        return ParagraphStyle(
            f"s{size}{bold}{right}",
            fontName=f"{family}-Bold" if bold else family,
            fontSize=size,
            leading=size * 1.24,
            textColor=colour,
            alignment=TA_RIGHT if right else 0,
            spaceAfter=after,
        )

    def text(
        self, words: str, size: float = 7.0, *, bold: bool = False, colour: Color = INK, right: bool = False
    ) -> Paragraph:
        """A paragraph of plain words."""
        return Paragraph(
            escape(words).replace("\n", "<br/>"), self.style(size, bold=bold, colour=colour, right=right)
        )

    def heading(self, words: str) -> Table:
        """A section heading with a rule under it."""
        table = Table([[self.text(words, 8.6, bold=True, colour=BLUE)]], colWidths=["100%"])
        table.setStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.6, LINE),
                *padding(0, 1.2),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
            ]
        )
        return table

    def bullets(self, lines: Sequence[str]) -> list[Paragraph]:
        """Lines with a dot."""
        how = self.style(6.7)
        how.leftIndent, how.bulletIndent = 10, 0
        return [Paragraph(escape(line), how, bulletText="•") for line in lines]

    def grid(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
        numbers: Sequence[int],
        size: float = 6.6,
    ) -> Table:
        """A table with a pale head; `numbers` are the columns set flush right."""
        right = set(numbers)
        cells = [
            [self.text(word, size - 0.3, bold=True, right=index in right) for index, word in enumerate(head)]
        ]
        cells += [
            [self.text(word, size, right=index in right, bold=index == 0) for index, word in enumerate(row)]
            for row in rows
        ]
        total = sum(widths)
        table = Table(cells, colWidths=[f"{100 * width / total}%" for width in widths], repeatRows=1)
        commands = [
            ("BACKGROUND", (0, 0), (-1, 0), PALE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, LINE),
            *padding(2.2, 1.1),
        ]
        table.setStyle(commands)
        return table

    def columns(self, left: Sequence[Any], right: Sequence[Any]) -> Table:
        """Two halves beside each other."""
        table = Table([[list(left), list(right)]], colWidths=["50%", "50%"])
        table.setStyle(
            [*padding(0, 0), ("RIGHTPADDING", (0, 0), (0, 0), 7), ("LEFTPADDING", (1, 0), (1, 0), 7)]
        )
        return table

    def facts(self) -> Table:
        """The line of facts under the title."""
        cells = [
            [self.text(fact.label, 6.0, colour=HexColor("#555555")), self.text(fact.text, 7.2, bold=True)]
            for fact in self.brief.facts
        ]
        rows: list[list[Any]] = [cells[:3], cells[3:]]
        tables = []
        for row, widths in zip(rows, ((18, 22, 60), (28, 24, 28, 20)), strict=True):
            table = Table([row], colWidths=[f"{width}%" for width in widths[: len(row)]])
            table.setStyle(padding(0, 1.2))
            tables.append(table)
        both = Table([[tables[0]], [tables[1]]], colWidths=["100%"])
        both.setStyle(padding(0, 0))
        return both

    def headlines(self) -> Table:
        """The five numbers."""
        cells = []
        for row in self.brief.headlines:
            cell: list[Any] = [
                self.text(row.label, 6.6),
                self.text(row.value, 13 if row.interval else 8.6, bold=True),
            ]
            if row.interval:
                cell.append(self.text(row.interval, 6.2))
            if row.change:
                cell.append(self.text(f"{ARROWS.get(row.way, '')} {row.change}".strip(), 6.2))
            cells.append(cell)
        table = Table([cells], colWidths=["20%"] * len(cells))
        table.setStyle(
            [
                *padding(4, 3),
                ("BACKGROUND", (0, 0), (-1, -1), PALE),
                ("LINEBEFORE", (0, 0), (-1, -1), 2, BLUE),
                ("LINEAFTER", (0, 0), (-2, -1), 3, white),
            ]
        )
        return table

    def trend_drawing(self, width: float, height: float = 76.0) -> Drawing:
        """Band and line of the last months, with the axis numbers written out."""
        drawing = Drawing(width, height)
        chart = trend_chart(self.brief, width, height)
        if chart is None:
            return drawing
        words = {"fontName": fonts(), "fontSize": 6.4, "fillColor": INK}
        for y, label in chart.ticks:
            drawing.add(Line(chart.left, height - y, width, height - y, strokeColor=LINE, strokeWidth=0.4))
            drawing.add(String(chart.left - 4, height - y - 2, label, textAnchor="end", **words))
        band = [value for x, y in chart.band for value in (x, height - y)]
        drawing.add(Polygon(band, fillColor=HexColor("#bcd9ec"), strokeColor=None))
        line = [value for x, y in chart.line for value in (x, height - y)]
        drawing.add(PolyLine(line, strokeColor=HexColor("#0072B2"), strokeWidth=1.4))
        for x, label, anchor in chart.months:
            drawing.add(String(x, 2, label, textAnchor=anchor, **words))
        return drawing

    def trigger_part(self) -> list[Any]:
        """Light, word, reason, rule."""
        words = [self.text(self.brief.trigger.word, 11, bold=True), self.text(self.brief.trigger.reason, 6.8)]
        row = Table([[light(self.brief.trigger), words]], colWidths=[36, WIDTH / 2 - 50])
        row.setStyle(padding(0, 1))
        return [
            self.heading(say("trigger", self.brief.lang)),
            Spacer(1, 2),
            row,
            self.text(self.brief.trigger.rule, 6.2, colour=HexColor("#444444")),
        ]

    def direction_part(self) -> list[Any]:
        """Bar and its key, or the sentence that there is none."""
        rows: list[Any] = [
            self.heading(
                say("direction_ALL" if self.brief.country == "ALL" else "direction", self.brief.lang)
            ),
            Spacer(1, 3),
        ]
        if not self.brief.directions:
            return [*rows, self.text(self.brief.directions_note, 6.8)]
        rows.append(direction_drawing(self.brief.directions, WIDTH / 2 - 10))
        for bar in self.brief.directions:
            swatch = direction_drawing([Bar(bar.key, "", 1.0, "")], 12)
            line = Table(
                [[swatch, self.text(f"{bar.label}: {bar.text}", 6.8)]], colWidths=[17, WIDTH / 2 - 30]
            )
            line.setStyle(padding(0, 0.2))
            rows.append(line)
        return rows

    def page_one(self) -> list[Any]:
        """Headlines, light, direction, sectors, groups."""
        lang = self.brief.lang
        story: list[Any] = [
            self.text(self.brief.title, 16, bold=True, colour=BLUE),
            Spacer(1, 2),
            self.text(self.brief.subtitle, 7.4),
            Spacer(1, 3),
        ]
        story += [
            self.facts(),
            Spacer(1, 4),
            self.headlines(),
            self.columns(self.trigger_part(), self.direction_part()),
        ]
        if trend_chart(self.brief, WIDTH, 76.0) is not None:
            story += [self.heading(self.brief.trend_title), Spacer(1, 3), self.trend_drawing(WIDTH)]
        story.append(self.heading(say("sectors", lang)))
        if self.brief.sectors:
            head = [
                say(key, lang)
                for key in (
                    "sector",
                    "in_need_interval",
                    "units",
                    "usd",
                    "funded",
                    "gap",
                    "lead_short",
                    "flag",
                )
            ]
            rows = [
                (
                    r.sector,
                    two_lines(r.in_need, r.interval),
                    two_lines(r.units, r.units_range),
                    two_lines(r.usd, r.usd_range),
                    r.funded,
                    two_lines(r.gap, r.gap_range),
                    r.lead,
                    r.flag,
                )
                for r in self.brief.sectors
            ]
            story.append(self.grid(head, rows, (23, 15, 21, 12, 9, 12, 18, 10), (1, 3, 4, 5), 6.0))
        story += [
            Spacer(1, 2),
            self.text(self.brief.sectors_note, 6.2, colour=HexColor("#444444")),
            self.heading(say("groups", lang)),
        ]
        if self.brief.groups:
            story.append(
                self.columns(
                    [self.group_table(self.brief.groups[:6])], [self.group_table(self.brief.groups[6:])]
                )
            )
        story += [Spacer(1, 2), self.text(self.brief.groups_note, 6.2, colour=HexColor("#444444"))]
        return story

    def group_table(self, rows: Sequence[GroupRow]) -> Flowable:
        """Groups with a small bar each."""
        if not rows:
            return Spacer(1, 1)
        cells = []
        for row in rows:
            bar = Drawing(36, 6)
            bar.add(
                Rect(0, 0.5, max(0.1, 36 * row.share), 5, fillColor=HexColor("#0072B2"), strokeColor=None)
            )
            cells.append(
                [
                    self.text(row.label, 6.6),
                    self.text(
                        f"{row.persons} ({row.interval})" if row.interval else row.persons, 6.6, right=True
                    ),
                    self.text(row.share_text, 6.6, right=True),
                    bar,
                ]
            )
        table = Table(cells, colWidths=["35%", "38%", "11%", "16%"])
        table.setStyle([*padding(2, 1), ("LINEBELOW", (0, 0), (-1, -1), 0.3, LINE)])
        return table

    def upstream_part(self) -> list[Any]:
        """Who is on the way, or where people are."""
        lang, regional = self.brief.lang, self.brief.country == "ALL"
        rows: list[Any] = [self.heading(say("upstream_ALL" if regional else "upstream", lang))]
        if self.brief.upstream:
            head = [
                say("country" if regional else "when", lang),
                say("persons", lang),
                say("interval", lang),
                say("mostly_ALL" if regional else "mostly", lang),
            ]
            body = [(row.label, row.persons, row.interval, row.extra) for row in self.brief.upstream]
            rows.append(self.grid(head, body, (22, 15, 25, 38), (1,)))
        return [*rows, Spacer(1, 2), self.text(self.brief.upstream_note, 6.2, colour=HexColor("#444444"))]

    def skill_rows(self) -> list[Any]:
        """How far to trust it."""
        lang = self.brief.lang
        rows: list[Any] = [self.heading(say("skill", lang))]
        if self.brief.skill:
            keys = ("series", "last", "seen", "inside", "error", "naive")
            head = [say(f"skill_{key}", lang) for key in keys]
            body = [(r.label, r.forecast, r.seen, r.inside, r.error, r.naive) for r in self.brief.skill]
            rows.append(self.grid(head, body, (29, 27, 10, 14, 9, 11), (1, 2, 3, 4, 5), 6.2))
        return [*rows, Spacer(1, 2), self.text(self.brief.skill_note, 6.2, colour=HexColor("#444444"))]

    def page_two(self) -> list[Any]:
        """Upstream, double impact, skill, scenarios, mechanisms, and the small print."""
        lang = self.brief.lang
        overlay = [self.heading(say("overlay", lang)), Spacer(1, 2), *self.bullets(self.brief.overlay)]
        story: list[Any] = [
            self.columns(self.upstream_part(), overlay),
            *self.skill_rows(),
            self.heading(say("scenarios", lang)),
        ]
        if self.brief.scenarios:
            head = [
                say(key, lang)
                for key in (
                    "scenario",
                    "departures" if self.brief.country == "ALL" else "entries",
                    "present",
                    "in_need",
                    "usd",
                )
            ]
            rows = [
                (row.name, row.entries, row.present, row.in_need, row.usd) for row in self.brief.scenarios
            ]
            story.append(self.grid(head, rows, (25, 21, 21, 21, 12), (1, 2, 3, 4)))
        story += [
            Spacer(1, 2),
            self.text(self.brief.scenarios_note, 6.2, colour=HexColor("#444444")),
            self.heading(say("matrix", lang)),
        ]
        if self.brief.matrix.rows:
            widths = [20.0] + [80.0 / max(1, len(self.brief.matrix.columns) - 1)] * (
                len(self.brief.matrix.columns) - 1
            )
            story.append(self.grid(self.brief.matrix.columns, self.brief.matrix.rows, widths, (), 6.2))
        story += [Spacer(1, 2), self.text(self.brief.matrix_note, 6.2, colour=HexColor("#444444"))]
        left = [
            self.heading(say("sources", lang)),
            Spacer(1, 1),
            *self.bullets(self.brief.sources),
            self.heading(say("assumptions", lang)),
            Spacer(1, 1),
            *self.bullets(self.brief.assumptions),
        ]
        right = [
            self.heading(say("not_for", lang)),
            Spacer(1, 1),
            *self.bullets(self.brief.not_for),
            self.heading(say("correct", lang)),
            Spacer(1, 2),
            self.text(self.brief.correct, 6.7),
        ]
        story.append(self.columns(left, right))
        return story


def two_lines(value: str, between: str) -> str:
    """A number above its range."""
    return f"{value}\n{between}" if between else value


def fitting(brief: Brief, page: int) -> list[Flowable]:
    """The story of a page in the largest letters that fit; shrunk as a whole if even the smallest do not."""
    for scale in SCALES:
        setter = Setter(brief, scale)
        story: list[Flowable] = setter.page_one() if page == 1 else setter.page_two()
        if sum(part.wrap(WIDTH, HEIGHT)[1] for part in story) <= HEIGHT:
            return story
    return [KeepInFrame(WIDTH, HEIGHT, story, mode="shrink")]


def render_pdf(brief: Brief, path: str | Path) -> Path:
    """Write the brief as a PDF of two A4 pages.

    Parameters
    ----------
    brief : Brief
        The content model.
    path : str or Path
        Where to write.

    Returns
    -------
    Path
        The file.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.part")
    family = fonts()
    canvas = Canvas(str(half), pagesize=A4, invariant=1, lang=brief.lang)
    canvas.setTitle(f"{brief.title} – Travesía")
    canvas.setSubject(brief.subtitle)
    canvas.setAuthor("Travesía")
    canvas.setCreator(brief.footer)
    for page in (1, 2):
        frame = Frame(
            MARGIN,
            MARGIN + 4 * mm,
            WIDTH,
            HEIGHT,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
        )
        frame.addFromList(fitting(brief, page), canvas)
        canvas.setFont(family, 6)
        canvas.setFillColor(HexColor("#555555"))
        canvas.drawString(MARGIN, MARGIN - 1 * mm, brief.footer)
        canvas.drawRightString(A4[0] - MARGIN, MARGIN - 1 * mm, say("page", brief.lang, n=page))
        canvas.showPage()
    canvas.save()
    half.replace(target)
    return target

"""Refusals in Spanish: every message that `sim` can raise has its words, and a refusal comes out whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.cli.words import language_of, reader_language
from sim.cli.words import table as terminal_words
from sim.errors import DataError, Problem, RunError, ScenarioError
from sim.messages import in_language, table, told
from sim.spec import load_with_notes
from sim.spec.explain import EXPECTED

ROOT = Path(__file__).parents[2]
RAISED = {"Problem", "ScenarioError", "DataError", "RunError", "CalibrationError", "Finding"}
KEPT = {"message", "msg", "why"}
CALLED = {"refusal", "note", "problem", "fault"}
NOTED = {"left_out", "made", "skipped", "notes", "outside"}
"""Lists of an import to which what has no counterpart is added."""
REASONS = {"sim/exchange/flee/settings.py", "sim/exchange/flee/case.py"}
"""Where the reasons for leaving something out stand in mappings."""
STEPS = "calibration/calibrate.py"
"""Where `say` is handed what is being done, in English."""
#: For programmers: no reader of a page or a terminal meets them.
INSIDE = ("sim/engines/kernels/", "sim/engines/tally.py", "sim/engines/expected/model.py", "sim/spec/base.py")
EXAMPLES = {"window: {start: 2023-01-01, end: 2023-06-30}"}
NAMES = re.compile(r"[\W_]*(\{\}|[a-z0-9_]+\.(csv|json|parquet|yaml)|--[a-z-]+|[A-Z]\w+|[a-z_]+|\d+)?[\W_]*")
"""A template of this form is a file, an option, a key or a value and needs no translation."""


def _templates(node: ast.expr) -> list[str]:
    """What a text may be, with ``{}`` for what is only known when it is raised."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        made = [""]
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            ends = _templates(inner) or ["{}"]
            made = [start + end for start in made for end in ends]
        return made
    if isinstance(node, ast.IfExp):
        return _templates(node.body) + _templates(node.orelse)
    return []


def _noted(tree: ast.Module, *, reasons: bool) -> Iterator[ast.expr]:
    """What an import adds to the list of what it left out, and the reasons it gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            holder = node.func.value
            name = holder.id if isinstance(holder, ast.Name) else getattr(holder, "attr", "")
            if name in NOTED:
                yield node.args[0]
        elif isinstance(node, ast.Dict) and reasons:
            yield from (value for value in node.values if " " in str(getattr(value, "value", "")))


def _texts(tree: ast.Module, called: set[str]) -> Iterator[ast.expr]:
    """Expressions that become a message, or a part of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if name in RAISED | called:
                yield from (*node.args, *(word.value for word in node.keywords))
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id in KEPT for t in node.targets
        ):
            yield node.value


def _raised() -> list[tuple[str, str]]:
    """Every message of `sim` and of the commands of `calibration`, with the file that holds it."""
    found: dict[str, str] = {}
    for path in sorted([*(ROOT / "sim").rglob("*.py"), *(ROOT / "calibration").rglob("*.py")]):
        where = path.relative_to(ROOT).as_posix()
        if where.startswith(INSIDE):
            continue
        called = CALLED | {"say"} if where == STEPS else CALLED
        tree = ast.parse(path.read_text(encoding="utf-8"))
        noted = _noted(tree, reasons=where in REASONS) if where.startswith("sim/exchange/") else ()
        for node in (*_texts(tree, called), *noted):
            for text in _templates(node):
                if not NAMES.fullmatch(text) and text not in EXAMPLES:
                    found.setdefault(text, where)
    return sorted(found.items())


def test_every_message_has_its_spanish() -> None:
    """A message somebody adds without Spanish is named here with its file."""
    known = set(table())
    missing = [f"{where}: {text!r}" for text, where in _raised() if text not in known and not _matched(text)]
    assert not missing, "\n".join(missing)


def _matched(text: str) -> bool:
    """Whether a text whose gaps are filled is found all the same."""
    return in_language(text.replace("{}", "Q1"), "es") != text.replace("{}", "Q1")


def test_what_fields_expect_has_its_spanish() -> None:
    """What a value should have been is said in Spanish too."""
    assert not [text for text in EXPECTED.values() if text not in table()]


def test_a_translation_keeps_what_was_found() -> None:
    """No gap is lost or invented."""
    for english, spanish in table().items():
        asked = {int(number) for number in re.findall(r"\{(\d+)\}", spanish)}
        assert asked == set(range(english.count("{}"))), english
        assert "{}" not in spanish


def test_a_refusal_comes_out_whole(tmp_path: Path) -> None:
    """A misspelt place, swapped dates and an unknown key: all told in Spanish, the names untouched."""
    text = """
name: malo
window: {start: 2023-06-30, end: 2023-01-01}
world:
  places:
    - {id: Alpha, country: COL, role: origin, stay: {kind: fixed, days: 1}}
    - {id: Beta, country: PAN, role: destination}
  legs: [{id: A-B, from: Alpha, to: Betta, mode: bus, days: {kind: fixed, days: 1}}]
departures: [{place: Alpha, group: VEN, per_day: 10, start: 2023-01-01, end: 2023-01-31}]
polices: []
"""
    path = tmp_path / "malo.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_with_notes(path)
    said = told(caught.value, "es")
    assert "no puede correrse: 3 problemas" in said
    assert "malo.yaml:10:polices: clave desconocida «polices»" in said
    assert "¿quiso decir «policies»?" in said
    assert "end 2023-01-01 viene antes de start 2023-06-30" in said
    assert "no existe el lugar «Betta»; se esperaba uno de: Alpha, Beta (¿quiso decir «Beta»?)" in said
    assert told(caught.value, "en") == str(caught.value)


def test_numbers_are_grouped_as_spanish_does() -> None:
    """Thousands stand apart by a space; a quoted name stays as it is."""
    message = "{} people would depart; at most {} fit into a run".format("1,234,567", "999")
    assert told(RunError(message), "es").startswith("saldrían 1\u00a0234\u00a0567 personas")
    problem = Problem("there is no place 'text'", "", "one of a list")
    assert "«text»" in told(DataError("A file is damaged.", [problem]), "es")


def test_a_sentence_without_words_stays_english() -> None:
    """Nothing is hidden because it is not in the table."""
    assert in_language("a sentence nobody translated", "es") == "a sentence nobody translated"


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "es_PA.UTF-8"}, "es"),
        ([], {"LANG": "es_PA.UTF-8", "LC_ALL": "C"}, "en"),
        ([], {"LANG": "es_PA.UTF-8", "TRAVESIA_LANG": "en"}, "en"),
        (["run", "x", "--lang", "es"], {"LANG": "C"}, "es"),
        (["run", "x", "--lang=en"], {"LANG": "es_HN"}, "en"),
    ],
)
def test_the_terminal_speaks_the_language_of_its_reader(
    arguments: list[str], environment: dict[str, str], language: str
) -> None:
    """The option decides, then Travesía's own variable, then the system's."""
    assert reader_language(arguments, environment) == language


def test_terminal_words_are_in_both_languages() -> None:
    """No sentence is blank, and both ask for the same values."""
    for key, row in terminal_words().items():
        gaps = [sorted(re.findall(r"\{(\w+)\}", row[lang])) for lang in ("en", "es")]
        assert all(row.values()), key
        assert gaps[0] == gaps[1], key


def test_a_language_without_words_is_refused() -> None:
    """`--lang fr` is refused with what there is."""
    with pytest.raises(DataError, match="en or es"):
        language_of("fr")

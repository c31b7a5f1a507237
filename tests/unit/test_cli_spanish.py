"""Whoever reads Spanish is spoken to in Spanish: help, doctor and every command, by option, variable or system."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from sim.cli import health, main
from sim.cli.help import in_words, prepared, table, texts
from sim.cli.registry import available, load
from sim.cli.words import decimal
from sim.messages import in_language

#: Commands that say nothing but where a file is, or hand out data.
SILENT = {"export", "scenarios schema"}
#: The names of values and files, which are the same in both languages.
SAME = {"BASE", "geojson, graphml, netcdf or ema."}


@pytest.fixture
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVESIA_LANG", "es")
    monkeypatch.setenv("COLUMNS", "100")


def _words() -> dict[str, str]:
    """Every English text of the help, and the command it was found in."""
    found = {text: "travesia" for _, _, text in texts(main._group("en"))}
    for name, listing in available().items():
        found.setdefault(listing.panel, name)
        for _, _, text in texts(load(name, listing.target)):
            found.setdefault(text, name)
    return found


def test_every_text_of_the_help_has_its_spanish() -> None:
    """A command, option or argument somebody adds without Spanish is named here."""
    missing = [f"{name}: {text!r}" for text, name in _words().items() if text not in table()]
    assert not missing, "add to sim/cli/help.csv: " + "; ".join(missing)


def test_no_spanish_of_the_help_is_left_over() -> None:
    """What no command says any longer is taken out of the table."""
    own = {text for text in table() if text[0].islower() or text[0] in "<[" or text.endswith("...")}
    by_typer = {"Usage: ", "Arguments", "Options", "Commands", "Further commands"}
    left = set(table()) - set(_words()) - own - by_typer
    assert left == {"Show this message and exit."}  # typer adds it to each call


def test_every_argument_names_what_it_wants() -> None:
    """Without a name of its own, typer would show that of the Python variable, which no table translates."""
    for name, listing in available().items():
        commands = [load(name, listing.target)]
        for command in commands:
            commands += getattr(command, "commands", {}).values()
            for param in command.params:
                assert param.param_type_name != "argument" or param.metavar, f"{name}: {param.name}"


@pytest.mark.parametrize("name", sorted(available()))
def test_the_help_of_a_command_is_spanish(
    name: str, capsys: pytest.CaptureFixture[str], spanish: None
) -> None:
    """No English text of the command is left on its page."""
    assert main.call([name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(f"Uso: travesia {name} [OPCIONES]")
    assert "Muestra esta ayuda y termina." in shown
    for _, _, text in texts(load(name, available()[name].target)):
        assert text in SAME or " " not in text or " ".join(text.split()) not in shown, text
    assert not re.search(r"\b(default|required|Options|Arguments|Commands|Usage)\b", shown)


def test_the_first_page_is_spanish(capsys: pytest.CaptureFixture[str], spanish: None) -> None:
    assert main.call(["--help"]) == 0
    shown = capsys.readouterr().out
    for text in ("Uso: travesia [OPCIONES] COMANDO", "Necesidades e informes:", "Códigos de salida"):
        assert text in shown
    assert not [line for text, line in table().items() if " " in text and text in shown]


def test_help_stays_english_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Usage: travesia run [OPTIONS] {SCENARIO}")
    assert "[default: 1; x>=1]" in shown


def test_every_command_that_speaks_takes_a_language() -> None:
    """One option, the same everywhere; left out, the language is that of the reader."""
    for name, listing in available().items():
        real = load(name, listing.target)
        for under, command in {
            name: real,
            **{f"{name} {k}": c for k, c in getattr(real, "commands", {}).items()},
        }.items():
            if under in SILENT or getattr(command, "commands", None):
                continue
            (lang,) = [param for param in command.params if param.name == "lang"]
            assert lang.default is None, under
            assert lang.help == "Language: en or es; that of the system if not given.", under


def test_a_text_without_spanish_stays_english() -> None:
    assert in_words("A text nobody translated.", "es") == "A text nobody translated."


def test_the_doctor_speaks_spanish(
    capsys: pytest.CaptureFixture[str], spanish: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding and each advice, whatever is wrong with the machine."""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    monkeypatch.setattr(health, "EXTRA_CHECKS", ())
    assert main.call(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "Defínala en 1 o más, o quítela." in shown
    assert "GB libres" in shown
    assert re.search(r"\d,\d GB", shown)
    assert "3.12" in shown, "a version keeps its point"
    assert "Travesía no funcionará aquí" in shown
    for finding in health.findings():
        for text in (finding.subject, finding.advice, *finding.found.split("; ")):
            if " " in text and "/" not in text:
                assert in_language(text, "es") != text, text


def test_every_subject_of_the_doctor_has_its_spanish() -> None:
    subjects = set(re.findall(r'Finding\(\s*"([^"]+)"', inspect.getsource(health)))
    assert len(subjects) > 7
    assert [one for one in subjects - {"Python"} if in_language(one, "es") == one] == []


def test_numbers_follow_the_language() -> None:
    assert decimal(12_345.67, "en") == "12,345.7"
    assert decimal(12_345.67, "es") == "12\u00a0345,7"


def test_commands_follow_the_system_without_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spanish: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of scenarios, a new file, its check and a refusal: Spanish by the system, English by the option."""
    monkeypatch.chdir(tmp_path)
    assert main.call(["scenarios", "list"]) == 0
    shown = capsys.readouterr().out
    assert "Lo ocurrido, de 2021" in shown
    assert "What happened" not in shown
    assert main.call(["scenarios", "new", "mio", "--extends", "what_if/darien_closed_one_week"]) == 0
    assert "Escrito en mio.yaml" in capsys.readouterr().out
    assert main.call(["scenarios", "list", "--lang", "en"]) == 0
    assert "What happened, 2021" in capsys.readouterr().out
    assert main.call(["data", "list", "--border", "atlantis"]) == 2
    assert "Ninguna serie se cuenta en «atlantis»" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["data"], ["import"]])
def test_a_command_alone_shows_its_help_and_nothing_else(
    words: list[str], capsys: pytest.CaptureFixture[str], spanish: None
) -> None:
    """A group without a command is no error to explain: its help says what there is."""
    assert main.call(words) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(" ".join(["Uso: travesia", *words, "[OPCIONES] COMANDO"]))
    assert "Error" not in shown
    assert "Pruebe" not in shown


def test_a_prepared_command_is_plain() -> None:
    """No boxes: help appears in half the time, and reads well aloud."""
    command = prepared(load("run", available()["run"].target), "es")
    assert command.rich_markup_mode is None

"""The command frame: exit codes, messages, late loading, and who may add commands."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sim.cli import health, main, registry
from sim.cli.registry import Listing
from sim.errors import CalibrationError, DataError, Problem, RunError, ScenarioError, TravesiaError

type MakeCommand = Callable[..., None]

FAILING_COMMAND = """
    import typer
    from sim.errors import *

    app = typer.Typer(add_completion=False)

    @app.command()
    def fail(kind: str) -> None:
        {body}
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeCommand:
    """Make one command 'fail' with a given body, and no other."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("TRAVESIA_DEBUG", raising=False)

    def make(body: str, name: str = "made_command") -> None:
        (tmp_path / f"{name}.py").write_text(
            textwrap.dedent(FAILING_COMMAND).format(body=body), encoding="utf-8"
        )
        importlib.invalidate_caches()
        sys.modules.pop(name, None)
        monkeypatch.setattr(registry, "COMMANDS", {"fail": Listing("Fail.", target=f"{name}:app")})

    return make


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ScenarioError("x"), 2),
        (DataError("x"), 2),
        (CalibrationError("x"), 2),
        (RunError("x"), 1),
        (TravesiaError("x"), 1),
        (ValueError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(error: BaseException, code: int) -> None:
    assert main.exit_code(error) == code


def test_a_run_error_raised_from_an_interruption_counts_as_interrupted() -> None:
    error = RunError("interrupted after 3 replicates; continue with --resume")
    error.__cause__ = KeyboardInterrupt()
    assert main.exit_code(error) == 130


def test_a_refusal_lists_every_problem_and_no_traceback(
    command: MakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    command("raise ScenarioError('refused', [Problem('one', 'a.yaml:1'), Problem('two', hint='try b')])")
    assert main.call(["fail", "x"]) == 2
    err = capsys.readouterr().err
    assert err == "refused\n  - a.yaml:1: one\n  - two (try b)\n"
    assert str(Problem("two", hint="try b")) in err


def test_a_fault_of_our_own_is_named_without_traceback(
    command: MakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    command("raise ZeroDivisionError('no days')")
    assert main.call(["fail", "x"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: no days" in err
    assert "TRAVESIA_DEBUG=1" in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(
    command: MakeCommand, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command("raise RunError('stopped')")
    monkeypatch.setenv("TRAVESIA_DEBUG", "1")
    assert main.call(["fail", "x"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_is_told_in_the_words_of_the_system(
    command: MakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    command("raise OSError(28, 'No space left on device', 'runs/x')")
    assert main.call(["fail", "x"]) == 1
    assert capsys.readouterr().err == "The system refused: No space left on device: runs/x\n"


def test_an_interruption_ends_with_130(command: MakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    command("raise KeyboardInterrupt")
    assert main.call(["fail", "x"]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


def test_typer_exit_keeps_its_code(command: MakeCommand) -> None:
    command("raise typer.Exit(7)")
    assert main.call(["fail", "x"]) == 7


@pytest.mark.parametrize("words", [["fial"], ["fail"], ["fail", "x", "y"], ["fail", "x", "--what"]])
def test_wrong_usage_is_refused_with_2(command: MakeCommand, words: list[str]) -> None:
    command("pass")
    assert main.call(words) == 2


def test_a_near_name_is_suggested(command: MakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    command("pass")
    main.call(["fial"])
    assert "Did you mean 'fail'?" in capsys.readouterr().err


def test_help_lists_the_command_without_importing_it(
    command: MakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    command("pass", name="never_imported_command")
    assert main.call(["--help"]) == 0
    assert "Fail." in capsys.readouterr().out
    assert "never_imported_command" not in sys.modules


def test_a_command_shows_its_own_help(command: MakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    command("pass")
    assert main.call(["fail", "--help"]) == 0
    assert "KIND" in capsys.readouterr().out.upper()


def test_a_command_whose_module_is_missing_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    listings = {
        "gone": Listing("Gone.", target="sim.cli.gone_command:app"),
        "doctor": registry.COMMANDS["doctor"],
    }
    monkeypatch.setattr(registry, "COMMANDS", listings)
    assert "gone" not in registry.available()
    assert "doctor" in registry.available()


def test_a_command_that_cannot_be_imported_says_what_is_missing(
    command: MakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("pass", name="broken_command")
    (tmp_path / "broken_command.py").write_text("import no_such_package\n", encoding="utf-8")
    assert main.call(["fail", "x"]) == 1
    err = capsys.readouterr().err
    assert "The command 'fail' cannot start: No module named 'no_such_package'" in err
    assert "make install" in err


def test_a_command_must_export_a_typer_app(
    command: MakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("pass", name="other_command")
    (tmp_path / "other_command.py").write_text("app = 3\n", encoding="utf-8")
    assert main.call(["fail", "x"]) == 1
    assert "is int, expected typer.Typer" in capsys.readouterr().err


def test_other_packages_add_commands_but_never_replace_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("doctor", "sim.cli.doctor_command:other", registry.ENTRY_POINT_GROUP),
        EntryPoint("score", "sim.cli.doctor_command:app", registry.ENTRY_POINT_GROUP),
        EntryPoint("extra", "sim.cli.doctor_command:app", registry.ENTRY_POINT_GROUP),
        EntryPoint("absent", "no_such_package.command:app", registry.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    found = registry.available()
    assert found["doctor"].target == "sim.cli.doctor_command:app"
    assert found["score"].help == registry.COMMANDS["score"].help
    assert found["extra"].help == "From sim.cli.doctor_command."
    assert "absent" not in found


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call(["--version"]) == 0
    assert capsys.readouterr().out.startswith("travesia ")


def test_doctor_reports_a_bad_thread_count_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    (threads,) = [finding for finding in health.check_processor() if finding.subject == "Threads"]
    assert threads.state == "fault"
    assert threads.advice == "Set it to 1 or more, or unset it."


def test_doctor_names_a_package_in_another_version_than_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "pytest==0.1 \\\n    --hash=sha256:0\nnowhere==1 ; sys_platform == 'beos' \\\n    --hash=sha256:0\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(health, "_lock_file", lambda: lock)
    (finding,) = health.check_lock()
    assert finding.state == "warning"
    assert finding.found == f"pytest {pytest.__version__}, locked 0.1"


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_moon() -> None:
        message = "no moon"
        raise ValueError(message)

    monkeypatch.setattr(health, "_CHECKS", (check_moon,))
    (finding,) = health.findings()
    assert (finding.subject, finding.state) == ("Moon", "fault")
    assert "ValueError: no moon" in finding.found
    assert health.worst([finding]) == "fault"


def test_doctor_says_what_to_do_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(health, "_can_write", lambda folder: False)
    access = next(health.check_writing())
    assert access.state == "fault"
    assert "--out" in access.advice

"""Help from the outside: it works without a single heavy import."""

from __future__ import annotations

import re
import subprocess
import sys

HEAVY = {
    "numpy",
    "pandas",
    "numba",
    "mesa",
    "pyarrow",
    "matplotlib",
    "pydantic",
    "dask",
    "scipy",
    "networkx",
    "dash",
}


def travesia(*words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "sim.cli.main", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=280,
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    done = travesia("--help", options=("-X", "importtime"))
    assert done.returncode == 0
    imported = set(re.findall(r"\|\s*([A-Za-z_][\w]*)", done.stderr))
    assert "typer" in imported, "the import log could not be read"
    assert not HEAVY & imported


def test_help_lists_doctor_and_the_exit_codes() -> None:
    done = travesia("--help")
    assert re.search(r"doctor\s+Check this machine", done.stdout)
    assert "2 refused" in " ".join(done.stdout.split())


def test_doctor_finds_this_machine_fit_to_run() -> None:
    done = travesia("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Python" in done.stdout


def test_an_unknown_command_is_refused_in_two_lines() -> None:
    done = travesia("docter")
    assert done.returncode == 2
    assert "Did you mean 'doctor'?" in done.stderr
    assert "Traceback" not in done.stderr

"""The guide for contributors, followed to the letter in a copy of the project: a new instrument works and is tested."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def guide_blocks() -> list[str]:
    """The code of the part on instruments, in its order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text.partition("## A new policy instrument")[2].partition("\n## ")[0]
    found = re.findall(r"^    ```python\n(.*?)^    ```", part, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


def put(path: Path, before: str, text: str) -> None:
    """Insert text before the first place where `before` stands."""
    held = path.read_text(encoding="utf-8")
    assert before in held, f"{path.name}: {before}"
    path.write_text(held.replace(before, text + before, 1), encoding="utf-8")


def call(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=240, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(ROOT / ".numba_cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_instrument_by_the_guide(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    keep = ("sim", "scenarios", "calibration", "tests", "docs", "pyproject.toml", "CONTRIBUTING.md")
    for name in keep:
        source = ROOT / name
        skip = shutil.ignore_patterns("__pycache__", "*.nb[ic]")
        shutil.copytree(source, copy / name, ignore=skip) if source.is_dir() else shutil.copy(
            source, copy / name
        )
    model, effect, entry, test = guide_blocks()
    policies = copy / "sim" / "spec" / "policies"
    put(policies / "ways.py", "class Hazard(PolicyBase):", model + "\n\n")
    put(policies / "ways.py", '"Transport"]', '"Roadworks", ')
    init = policies / "__init__.py"
    put(init, "Transport\n", "Roadworks, ") if "Penalty, Transport\n" in init.read_text() else None
    put(init, '    "Transfer",\n', '    "Roadworks",\n')
    put(init, '    "return": Return,\n', '    "roadworks": Roadworks,\n')
    put(init, "    | Return,\n", "    | Roadworks\n")
    effects = copy / "sim" / "plan" / "effects.py"
    put(effects, "_BUILDERS: dict", effect + "\n\n")
    put(effects, '    "return": _return,\n', entry)
    (copy / "tests" / "theory" / "test_roadworks.py").write_text(test, encoding="utf-8")
    worlds = copy / "tests" / "reference" / "worlds.py"
    maker = '        "roadworks": lambda: some_legs_named() | {"days_factor": number(rng, 0.5, 2.0)},\n'
    put(worlds, '        "return": lambda: somewhere()', maker)
    number = copy / "tests" / "unit" / "test_spec_policies.py"
    put(number, '    "return": ', '    "roadworks": {},\n')
    number.write_text(number.read_text().replace("len(INSTRUMENTS) == 16", "len(INSTRUMENTS) == 17"))
    call(copy, "-m", "sim.spec.policies.reference")
    assert "`roadworks`" in (copy / "docs" / "reference" / "policies.md").read_text(encoding="utf-8")
    shown = call(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/theory/test_roadworks.py",
                 "tests/unit/test_spec_policies.py")  # fmt: skip
    assert "passed" in shown
    assert "failed" not in shown

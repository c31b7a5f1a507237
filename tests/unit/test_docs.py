"""The documentation: links lead somewhere, code blocks run, examples stay short, generated pages hold what the code holds."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sim.cli.main import call
from sim.cli.registry import available
from sim.spec import INSTRUMENTS, load_scenario

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```(python|yaml|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONGEST_EXAMPLE = 40
#: Pages whose blocks run the whole corridor or draw figures.
HEAVY = {"README.md", "planners-guide.md", "planners-guide.es.md"}
SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]
#: Pages of other builders whose blocks need machines or data that are not here.
ELSEWHERE = {"cluster.md"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(path.read_text(encoding="utf-8")) if kind == language]


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    sys.path.insert(0, str(DOCS))
    try:
        generate = importlib.import_module("generate")

        pages: dict[str, str] = generate.pages()
    finally:
        sys.path.remove(str(DOCS))
    return pages


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path, generated: dict[str, str]) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        inside = place.is_relative_to(DOCS) and place.relative_to(DOCS).as_posix()
        assert place.exists() or inside in generated, f"{name_of(path)}: {target}"
        if anchor and place.suffix == ".md":
            held = generated.get(str(inside)) or place.read_text(encoding="utf-8")
            assert anchor in anchors(held), f"{name_of(path)}: {target}"


def runnable() -> list[object]:
    made: list[object] = []
    for path in PAGES:
        if path.name in ELSEWHERE or not (blocks(path, "python") or blocks(path, "console")):
            continue
        made.append(pytest.param(path, id=name_of(path), marks=SLOW if path.name in HEAVY else []))
    return made


@pytest.mark.parametrize("path", runnable())
def test_code_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML blocks with a name become files, console blocks are called, Python blocks run in one namespace a page."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "CASE").symlink_to(ROOT / "tests" / "data" / "burundi2015")
    tables(tmp_path / "TABLES")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "page"}
    for kind, body in BLOCK.findall(path.read_text(encoding="utf-8")):
        if kind == "yaml":
            content = YAML(typ="safe").load(body)
            if isinstance(content, dict) and "window" in content:
                Path(f"{content['name']}.yaml").write_text(body, encoding="utf-8")
                load_scenario(f"{content['name']}.yaml")
        elif kind == "python":
            exec(compile(body, name_of(path), "exec"), namespace)  # noqa: S102 - the page's own code
        else:
            for line in commands(body):
                done = line[:2] == ["run", "history/baseline"] and Path("runs/baseline").exists()
                assert done or call(line) == 0, line


def commands(body: str) -> list[list[str]]:
    """Arguments of the lines that call travesia; ``make run`` is the run it stands for."""
    body = re.sub(
        r"^make run\b.*$", "travesia run history/baseline --out runs/baseline", body, flags=re.MULTILINE
    )
    found = re.findall(r"^(?:\.venv/bin/)?travesia ([^#\n]*)", body, re.MULTILINE)
    return [line.split() for line in found]


def tables(folder: Path) -> None:
    folder.mkdir()
    (folder / "places.csv").write_text("id,stay_mean_days\nA,3\nB,\n")
    (folder / "legs.csv").write_text("from,to,days\nA,B,2\n")
    (folder / "departures.csv").write_text("place,group,per_day,start,end\nA,VEN,5,2024-01-01,2024-01-31\n")


@pytest.mark.parametrize("path", sorted((DOCS / "examples").glob("*.py")), ids=lambda path: str(path.name))
def test_examples_are_short_and_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_EXAMPLE
    if path.name == "mesa_model.py":
        return  # run by tests/unit/test_route_model.py
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(compile(text, path.name, "exec"), namespace)  # noqa: S102 - the project's own example
    assert capsys.readouterr().out.strip()


def test_generated_pages_hold_what_the_code_holds(generated: dict[str, str]) -> None:
    for name in available():
        assert f"## travesia {name}\n" in generated["reference/command-line.md"]
    for column in ("peak_persons", "days_p90", "direction"):
        assert f"`{column}`" in generated["reference/run-folder.md"]
    assert "`beta_days`" in generated["reference/parameters.md"]
    assert "darien.csv" in generated["reference/data-sheets.md"]
    assert "Mexico has two series" in generated["reference/data-sheets.md"]
    assert "sim.exchange" in generated["images/architecture.svg"]
    for name in INSTRUMENTS:
        assert f"`{name}`" in (DOCS / "reference" / "policies.md").read_text(encoding="utf-8")


def test_the_menu_names_pages_that_are_there(generated: dict[str, str]) -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = set(re.findall(r"[\w./\-]+\.md", menu))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert written | {page for page in generated if page.endswith(".md")} >= listed

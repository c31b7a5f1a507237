"""Run the notebooks from top to bottom and write their pages: ``python docs/run_notebooks.py [NAME...]``.

A notebook is a jupytext percent file without outputs. Its page is Markdown with the figures beside it, written from a
real run and committed, so that the site is built without running anything; a test holds pages and notebooks together.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jupytext
from nbclient import NotebookClient
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["NOTEBOOKS", "PAGES", "execute", "page", "parts"]

ROOT: Final = Path(__file__).parents[1]
NOTEBOOKS: Final = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
PAGES: Final = ROOT / "docs" / "notebooks"
#: Figures belong into the notebook, whatever the caller draws on.
INLINE: Final = "module://matplotlib_inline.backend_inline"
WIDEST_PIXELS, COLOURS, LONGEST_CELL = 1100, 128, 600
_TABLE: Final = re.compile(r"<table[^>]*>(.*?)</table>", re.DOTALL)
_STYLE: Final = re.compile(r' style="[^"]*"')
_TERMINAL: Final = re.compile(r"\x1b\[[0-9;]*m")


def execute(path: Path) -> Any:  # noqa: ANN401 - a notebook node
    """Run a notebook in a folder of its own.

    Parameters
    ----------
    path : Path
        A percent file.

    Returns
    -------
    NotebookNode
        With outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = jupytext.read(path)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=LONGEST_CELL,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=40"],  # the kernel listens to this machine only; it need not say so
        )
        client.execute(env={**os.environ, "MPLBACKEND": INLINE, "PYTHONPATH": str(ROOT)})
    return notebook


def parts(notebook: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - a notebook node
    """Kind and text of each cell, as pages show them."""
    return [
        (cell["cell_type"], cell["source"].strip()) for cell in notebook["cells"] if cell["source"].strip()
    ]


def page(notebook: Any, name: str, folder: Path) -> str:  # noqa: ANN401 - a notebook node
    """Markdown of an executed notebook; its figures are written into ``folder``.

    Parameters
    ----------
    notebook : NotebookNode
    name : str
        Of the page and the beginning of its figures' names.
    folder : Path

    Returns
    -------
    str
    """
    text, figures = [], 0
    for cell in notebook["cells"]:
        source = cell["source"].strip()
        if cell["cell_type"] == "markdown":
            text.append(source)
            continue
        text.append(f"```py\n{source}\n```")
        for output in cell.get("outputs", []):
            image = output.get("data", {}).get("image/png")
            if image is None:
                text.append(words(output))
                continue
            figures += 1
            file = f"{name}-{figures}.png"
            write_figure(base64.b64decode(image), folder / file)
            text.append(f"![Figure {figures} of this page]({file})")
    foot = f"*Written by `make notebooks` from a run of `notebooks/{name}.py`; the figures are those of that run.*"
    return "\n\n".join(part for part in (*text, foot) if part) + "\n"


def words(output: dict[str, Any]) -> str:
    """An output that is no figure, as Markdown."""
    data = output.get("data", {})
    if "text/markdown" in data:
        return str(data["text/markdown"])
    found = _TABLE.search(str(data.get("text/html", "")))
    if found:
        return _STYLE.sub("", f"<table>{found[1]}</table>")
    plain = _TERMINAL.sub("", str(data.get("text/plain", output.get("text", "")))).rstrip()
    if not plain or plain.startswith("<Figure size"):
        return ""
    return f"```text\n{plain}\n```"


def write_figure(content: bytes, path: Path) -> None:
    """A figure in few colours and at most so many pixels across, so that the repository stays small."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    if image.width > WIDEST_PIXELS:
        image = image.resize(
            (WIDEST_PIXELS, round(image.height * WIDEST_PIXELS / image.width)), Image.Resampling.LANCZOS
        )
    few = image.quantize(
        COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )  # keeps rare colours
    few.save(path, optimize=True)


def faults(notebook: Any) -> Iterator[str]:  # noqa: ANN401 - a notebook node
    """What a reader should not see: warnings and other words on the error stream."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                yield str(output["text"])


def main(names: Sequence[str]) -> int:
    """Run the notebooks named (all if none) and write their pages."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in NOTEBOOKS:
        if names and path.stem not in names:
            continue
        done = execute(path)
        for fault in faults(done):
            sys.stderr.write(f"{path.name}: {fault}\n")
        for old in PAGES.glob(f"{path.stem}-*.png"):
            old.unlink()
        (PAGES / f"{path.stem}.md").write_text(page(done, path.stem, PAGES), encoding="utf-8")
        sys.stdout.write(f"{path.stem}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

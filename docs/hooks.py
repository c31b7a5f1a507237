"""What mkdocs calls when it builds the site: the generated pages join the written ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import generate
from mkdocs.structure.files import File, Files


def on_config(config: Any) -> Any:  # noqa: ANN401 - mkdocs' own type
    """Pages that the menu does not name yet stand under "More"."""
    folder = Path(config["docs_dir"])
    listed = str(config["nav"])
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))
    missing = [page for page in pages if page not in listed]
    if missing:
        config["nav"].append({"More": missing})
    return config


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - mkdocs' own type
    """Add every generated page."""
    for address, text in generate.pages().items():
        files.append(File.generated(config, address, content=text))
    return files

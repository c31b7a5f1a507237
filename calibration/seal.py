"""Write the sizes and hashes of a folder's tables into its data package (maintenance: ``python -m calibration.seal FOLDER``)."""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
from pathlib import Path

__all__ = ["seal_folder"]


def seal_folder(folder: Path) -> int:
    """Bring ``bytes``, ``hash`` and, where stated, ``rows`` of every resource up to date.

    Parameters
    ----------
    folder : Path
        Holds ``datapackage.json``.

    Returns
    -------
    int
        Resources whose hash changed.
    """
    target = folder / "datapackage.json"
    package = json.loads(target.read_text(encoding="utf-8"))
    changed = 0
    for resource in package["resources"]:
        data = (folder / resource["path"]).read_bytes()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        changed += digest != resource.get("hash")
        resource["bytes"], resource["hash"] = len(data), digest
        if "rows" in resource:
            records = csv.reader(io.StringIO(data.decode("utf-8")))
            resource["rows"] = sum(1 for record in records if record) - 1
    target.write_text(json.dumps(package, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return changed


def main() -> None:
    """Seal the folders named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+")
    for folder in parser.parse_args().folder:
        seal_folder(folder)


if __name__ == "__main__":
    main()

"""Licences of everything that is installed: ``python -m tests.licences``; fails where one may not be used."""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distributions

__all__ = ["licence_of", "main"]

_REFUSED = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|SSPL|proprietary|non-?commercial)\b", re.I)
_WEAK = re.compile(r"\b(LGPL|Lesser General Public|Library General Public)\b", re.I)
_LONG = 60


def licence_of(package: Distribution) -> str:
    """What a package says its licence is: expression, classifiers, or the first line of the field."""
    data = package.metadata
    expression = data.get("License-Expression")
    classified = [
        c.rpartition(" :: ")[2] for c in data.get_all("Classifier") or () if c.startswith("License ::")
    ]
    field = (data.get("License") or "").strip().splitlines()
    said = expression or ", ".join(classified) or (field[0] if field else "")
    return said or "not stated"


def _usable(licence: str) -> bool:
    """Whether one of the licences offered may be used; a list of classifiers is a choice, as is OR."""
    offered = re.split(r", | OR ", licence)
    return any(_WEAK.search(one) or not _REFUSED.search(one) for one in offered)


def main() -> int:
    """Print the list; return 1 if a licence in it may not be used."""
    found = sorted(
        {(p.metadata["Name"], p.version, licence_of(p)) for p in distributions()}, key=lambda x: x[0].lower()
    )
    refused = [row for row in found if not _usable(row[2])]
    for name, version, licence in found:
        sys.stdout.write(f"{name:32} {version:16} {licence[:_LONG]}\n")
    sys.stdout.write(
        f"{len(found)} packages, {sum(row[2] == 'not stated' for row in found)} state no licence\n"
    )
    for name, version, licence in refused:
        sys.stderr.write(f"{name} {version}: {licence} may not be used here\n")
    return 1 if refused else 0


if __name__ == "__main__":
    raise SystemExit(main())

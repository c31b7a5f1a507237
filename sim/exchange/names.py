"""Names of others as ids and country codes of ours."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

__all__ = ["Countries", "country_code", "ids_of"]

ISO_LENGTH = 3
LONGEST = 50


def ids_of(names: list[str]) -> dict[str, str]:
    """An id for each name: letters, digits, ``_``, ``-`` and ``.`` stay; each id once."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = re.sub(r"[^\w.\-]+", "_", name).strip("_.-")[:LONGEST] or "place"
        one, count = base, 1
        while one in taken:
            count += 1
            one = f"{base}_{count}"
        made[name] = one
        taken.add(one)
    return made


def folded(text: str) -> str:
    """Letters and digits only, without accents."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", bare.lower())


@lru_cache(maxsize=1)
def country_table() -> dict[str, str]:
    """ISO 3166 code by folded name and spelling."""
    made: dict[str, str] = {}
    with (Path(__file__).parent / "countries.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            for name in (row["code"], row["name"], *row["spellings"].split(";")):
                if name.strip():
                    made.setdefault(folded(name), row["code"])
    return made


def country_code(name: str) -> str | None:
    """ISO 3166 code of three letters for a country's name, None where it is not known."""
    return country_table().get(folded(name))


class Countries:
    """Country codes of a case; names that are not known get a code of the range ISO leaves to users.

    Parameters
    ----------
    names : list of str
        As the case writes them.
    """

    def __init__(self, names: list[str]) -> None:
        self.codes: dict[str, str] = {}
        self.unknown: list[str] = []
        for name in names:
            if name in self.codes:
                continue
            code = country_code(name) if name else None
            if code is None:
                code = self.own_code(len(self.unknown))
                self.unknown.append(name)
            self.codes[name] = code

    @staticmethod
    def own_code(number: int) -> str:
        """``XAA``, ``XAB``, ...: codes that ISO 3166 never assigns."""
        return f"X{chr(65 + number // 26 % 26)}{chr(65 + number % 26)}"

    def __getitem__(self, name: str) -> str:
        return self.codes[name]

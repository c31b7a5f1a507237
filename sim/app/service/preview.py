"""A moved slider: a scenario enters, what the expected engine says of it leaves, with the base beside it."""

from __future__ import annotations

import csv
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sim.engines.expected.preview import Preview

if TYPE_CHECKING:
    from sim.engines.expected.preview import PreviewAnswer
    from sim.spec import Scenario

__all__ = ["Error", "Previews", "Seen", "error_at", "preview_error"]

_MOST = 2
"""Bases kept ready; each holds the tables of a compiled scenario."""
_MOST_ANSWERS = 12
_MOST_TABS = 100


class Error(NamedTuple):
    """How far previews lay from full runs of the agents engine, in per cent of the month's count.

    Parameters
    ----------
    median : float
        Half of the months lay nearer, in each scenario measured.
    most : float
        Nine in ten months lay nearer, in each scenario measured.
    scenarios : int
        How many were measured.
    """

    median: float
    most: float
    scenarios: int


@cache
def preview_error() -> dict[str, Error]:
    """Error of previews by border and ``ALL``, as ``python -m sim.app.service.measure`` found it."""
    with files("sim.app").joinpath("preview_error.csv").open(encoding="utf-8") as stream:
        return {
            row["border"]: Error(
                float(row["median_percent"]), float(row["p90_percent"]), int(row["scenarios"])
            )
            for row in csv.DictReader(stream)
        }


def error_at(border: str) -> Error:
    """Error at a border; that over all borders where it was not measured (a world of one's own)."""
    known = preview_error()
    return known.get(border, known["ALL"])


@dataclass(frozen=True)
class Seen:
    """A preview: the base and the scenario as it stands.

    Parameters
    ----------
    base, now : PreviewAnswer
    seconds : float
        Server time of this move.
    """

    base: PreviewAnswer
    now: PreviewAnswer
    seconds: float

    def crossings(self, border: str, group: str = "ALL") -> pd.DataFrame:
        """Expected crossings of a border by month: columns month, base, now (persons)."""
        b = self.now.borders.index(border)
        pick = slice(None) if group == "ALL" else [self.now.groups.index(group)]
        return pd.DataFrame(
            {
                "month": list(self.now.months),
                "base": self.base.crossings[b][:, pick].sum(axis=1),
                "now": self.now.crossings[b][:, pick].sum(axis=1),
            }
        )

    def totals(self, group: str = "ALL") -> pd.DataFrame:
        """Crossings over the window: columns border, base, now, difference (persons)."""
        rows = []
        for border in self.now.borders:
            table = self.crossings(border, group)
            rows.append((border, float(table["base"].sum()), float(table["now"].sum())))
        made = pd.DataFrame(rows, columns=["border", "base", "now"])
        return made.assign(difference=made["now"] - made["base"])

    def present(self) -> pd.DataFrame:
        """Mean persons present by country over the window: columns country, base, now."""
        made = pd.DataFrame(
            {
                "country": list(self.now.countries),
                "base": np.asarray(self.base.stocks).mean(axis=1),
                "now": np.asarray(self.now.stocks).mean(axis=1),
            }
        )
        return made.sort_values("base", ascending=False, ignore_index=True)


class Previews:
    """Previews of a few bases, each ready to answer the next move."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[Preview, PreviewAnswer, threading.Lock]] = OrderedDict()
        self._answers: OrderedDict[str, Seen] = OrderedDict()
        self._last: OrderedDict[str, int] = OrderedDict()
        self._turn = 0
        self._lock = threading.RLock()

    def ready(self, base: Scenario) -> tuple[Preview, PreviewAnswer, threading.Lock]:
        """The preview of a base, made when it is first asked for."""
        with self._lock:  # a second tab waits for the first instead of compiling the same base again
            if base.digest not in self._held:
                made = Preview(base, threads=2)
                self._held[base.digest] = (made, made.answer(base), threading.Lock())
                while len(self._held) > _MOST:
                    self._held.popitem(last=False)
            self._held.move_to_end(base.digest)
            return self._held[base.digest]

    def close(self, seconds: float = 20.0) -> None:
        """Wait for answers that are being worked out: compiled code must not be cut off."""
        with self._lock:
            locks = [lock for _, _, lock in self._held.values()]
        for lock in locks:
            if lock.acquire(timeout=seconds):
                lock.release()

    def look(self, base: Scenario, scenario: Scenario, key: str, tab: str = "") -> Seen | None:
        """Answer a move.

        Parameters
        ----------
        base : Scenario
            What the sliders started from.
        scenario : Scenario
            The same with its policies changed.
        key : str
            Names the scenario; the last few answers are kept.
        tab : str
            Who asks: while a move waits its turn, a newer one of the same tab takes its place.

        Returns
        -------
        Seen or None
            None for a move that a newer one overtook.
        """
        with self._lock:
            self._turn += 1
            turn = self._last[tab] = self._turn
            while len(self._last) > _MOST_TABS:
                self._last.popitem(last=False)
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        preview, before, lock = self.ready(base)
        with lock:
            if tab and self._last.get(tab, turn) != turn:
                return None
            now = before if scenario is base else preview.answer(scenario)
        seen = Seen(before, now, now.seconds)
        with self._lock:
            self._answers[key] = seen
            while len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
        return seen

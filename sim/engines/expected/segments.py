"""Stays of the nodes of a route as the kernels take them: classes with the same stay and calendar lie in one segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.stays import Stay, regimes_of
from sim.engines.expected.ways import padded
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_rows import CHUNK
from sim.engines.kernels.expected_span_rows import FOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.network import Route
    from sim.engines.expected.people import Lanes
    from sim.plan import Plan

__all__ = ["Segments", "power", "segments_of"]


def power(n: int) -> int:
    """Smallest power of two that is at least `n`."""
    return 1 << (max(n, 1) - 1).bit_length()


def segments_of(
    plan: Plan, lanes: Lanes, route: Route, lo: NDArray[np.int64], count: NDArray[np.int64]
) -> list[list[tuple[int, int, int, int]]]:
    """Runs of classes with the same stay and calendar at each node: (first class, classes, stay, calendar)."""
    f = plan.fixed
    lead = [np.argmax(lanes.kinds(layout), axis=1) for layout in range(3)]
    out = []
    for i, node in enumerate(route.nodes):
        found: list[tuple[int, int, int, int]] = []
        if not node.removed:
            kind = lead[node.layout][lo[i] : lo[i] + count[i]]
            pair = np.stack([f.stay_table[kind, node.place], f.stay_calendar[kind, node.place]], axis=1)
            cuts = np.flatnonzero(np.any(np.diff(pair, axis=0) != 0, axis=1)) + 1
            edges = [0, *cuts.tolist(), len(kind)]
            found = [
                (int(lo[i] + a), b - a, int(pair[a, 0]), int(pair[a, 1]))
                for a, b in zip(edges[:-1], edges[1:], strict=True)
            ]
        out.append(found)
    return out


class Segments:
    """Segments of stays, their regimes, taps and exponentials, as they are added.

    Parameters
    ----------
    plan : Plan
    begin : int
        Where the taps begin, after those that are kept.
    """

    def __init__(self, plan: Plan, *, begin: int = 0) -> None:
        self.plan = plan
        self.segments: list[tuple[int, ...]] = []
        self.regimes: list[tuple[int, ...]] = []
        self.taps: list[NDArray[np.float64]] = [np.zeros(1)]
        self.tap_at: dict[bytes, int] = {}
        self.tap_end = begin + 1
        self.expo: list[tuple[float, float]] = []
        self.expo_at: dict[bytes, int] = {}
        self.state = 0
        self.history = 0
        self.known: dict[tuple[int, int], tuple[list[tuple[int, ...]], int, int]] = {}
        self.length: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self.ratio: list[NDArray[np.float64]] = [np.zeros(1)]
        self.length_end, self.ratio_end = 1, 1

    def tap(self, taps: NDArray[np.float64]) -> int:
        """Offset of some taps, with noughts behind them up to a multiple of four."""
        row = np.pad(taps.ravel(), (0, -taps.size % FOUR))
        key = row.tobytes()
        if key not in self.tap_at:
            self.tap_at[key] = self.tap_end
            self.taps.append(row)
            self.tap_end += row.size
        return self.tap_at[key]

    def add(self, lo: int, count: int, table: int, calendar: int) -> None:
        """Add a segment."""
        key = (table, calendar)
        if key not in self.known:
            self.known[key] = self._regimes(table, calendar)
        rows, depth, states = self.known[key]
        ring, wide = power(depth + at.SPAN - 1), padded(count)
        begin = len(self.regimes)
        self.segments.append(
            (
                lo,
                wide // CHUNK,
                self.state,
                begin,
                begin + len(rows),
                self.history,
                ring - 1,
                self.state + states * wide,
                count,
            )
        )
        self.history += ring * wide
        self.regimes.extend(rows)
        self.state += (states + at.SPAN) * wide

    def _regimes(self, table: int, calendar: int) -> tuple[list[tuple[int, ...]], int, int]:
        rows: list[tuple[int, ...]] = []
        depth, states = 1, 0
        for r in regimes_of(self.plan, table, calendar):
            ratio = self.ratio_end
            self.ratio.append(r.ratio)
            self.ratio_end += len(r.ratio)
            rewriting = (ratio, len(r.ratio), r.most)
            depth = max(depth, len(r.ratio))
            if r.stay is None:
                length = self.length_end
                self.length.append(r.length)
                self.length_end += len(r.length)
                chances = np.where(np.arange(r.taps.shape[1]) < r.length[:, None], r.taps, 0.0)
                chances = np.pad(chances, ((0, at.SPAN - 1), (0, at.SPAN - 1)))
                rows.append(
                    (
                        r.first,
                        r.last,
                        at.VARYING,
                        0,
                        chances.shape[1],
                        self.tap(chances),
                        length,
                        0,
                        0,
                        *rewriting,
                    )
                )
                depth = max(depth, r.taps.shape[1])
            elif r.stay.geometric > 0.0:
                chance = r.taps if r.taps.size else np.array([r.stay.geometric])
                rows.append(
                    (
                        r.first,
                        r.last,
                        at.GEOMETRIC,
                        0,
                        int(r.taps.size > 0),
                        self.tap(chance),
                        0,
                        0,
                        0,
                        *rewriting,
                    )
                )
            else:
                rows.append((r.first, r.last, at.STEADY, *self._steady(r.stay), *rewriting))
                depth = max(depth, r.stay.lag + len(r.stay.taps), r.stay.begin + 1)
                states = max(states, len(r.stay.decay))
        return rows, depth, states

    def _steady(self, stay: Stay) -> tuple[int, ...]:
        tap = self.tap(stay.taps) if len(stay.taps) else 0
        key = stay.decay.tobytes() + stay.amount.tobytes()
        if key not in self.expo_at:
            self.expo_at[key] = len(self.expo)
            self.expo.extend(zip(stay.decay.tolist(), stay.amount.tolist(), strict=True))
        return stay.lag, len(stay.taps), tap, self.expo_at[key], len(stay.decay), stay.begin

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of a net."""
        return {
            "segment": np.array(self.segments, np.int64).reshape(-1, at.SEGMENT),
            "expo": np.array(self.expo, np.float64).reshape(-1, 2),
            "regime": np.array(self.regimes, np.int64).reshape(-1, at.REGIME),
            "length": np.concatenate(self.length),
            "ratio": np.concatenate(self.ratio),
        }

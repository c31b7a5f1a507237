"""Room for what moves in a run: a route as laid out enters, arrays leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.spare import Spare
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_layout import Memory
from sim.engines.kernels.expected_rows import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.assemble import Assembled
    from sim.plan import Plan

__all__ = ["new_memory"]


def new_memory(
    plan: Plan,
    made: Assembled,
    *,
    tables: bool = True,
    crowds: tuple[NDArray[np.int64], int, int] | None = None,
    spare: Spare | None = None,
    to_the_end: bool = True,
) -> Memory:
    """Make room for what moves.

    Parameters
    ----------
    plan : Plan
    made : Assembled
    tables : bool
        Room for person-days too.
    crowds : tuple, optional
        Where people are counted by place and group, as by :func:`sim.engines.expected.crowds.crowds_of`; no largest numbers are
        kept where not given.
    spare : Spare, optional
        Memory of earlier runs, which this one may take up again, and will leave its own to.
    to_the_end : bool
        From the first day of a period on every day is run, so that the kernels make the counts of each period anew.

    Returns
    -------
    Memory
    """
    s, months = made.sizes, len(plan.months)
    lines, limits = len(made.lines.node), len(made.lines.allotment) + len(made.lines.room_place)
    stages = len(made.net.stage) - 1
    none = np.zeros((0, 4, at.CROWDED), np.int64)
    crowded, cells, kept = (none, 0, 0) if crowds is None else crowds
    shapes: dict[str, int | tuple[int, ...]] = {
        "a": s["a"],
        "ring": s["ring"],
        "exps": s["exps"],
        "stock": (4, s["rows"]),
        "came": s["came"],
        "turned": s["turned"],
        "done": (3, 3, s["rows"]),
        "peak": (months if cells else 0, cells),
        "balance": (stages, plan.n_days, 3),
        "buffer": (stages, 9, s["width"]),
        "later": s["later"],
        "queue": s["queue"],
        "joined": s["joined"],
        "cohort": (lines, plan.n_days),
        "head": lines,
        "left": max(limits, 1),
        "asked": (lines, 2),
        "want": (stages, 3 * lines + limits + 1),
        "days": (months if tables else 0, 4, s["rows"]),
        "flow": (months, s["flow"]),
        "crowd": kept,
        "held": s["held"],
    }
    counts = ("days", "flow") if to_the_end else ()
    lent = (Spare() if spare is None else spare).arrays(shapes, as_found=(*counts, "crowd", "held"))
    for name in counts:
        lent[name][..., -CHUNK:] = 0.0  # what lies before it the kernels make anew
    return Memory(
        **lent,
        crowded=crowded,
        since=np.full(len(made.edge_leg), -(10**6), np.int64),
        last=np.where(made.net.edge[:, at.RARE] > 0, -(10**6), 10**6),
        regime=made.net.segment[:, at.S_R0].copy(),
        ahead=np.full(len(made.net.segment), -(10**6), np.int64),
        taps_of=np.full(len(made.net.segment), -(10**6), np.int64),
        along=np.zeros(len(made.net.segment), np.int64),
        by_themselves=np.zeros(len(made.net.node), np.int64),
        entry=np.zeros(len(made.net.node), np.int64),
    )

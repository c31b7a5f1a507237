"""What the brief takes from `sim.needs`: an estimate enters, rows ready to print leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.report.frame import RunLike
    from sim.report.twopage.content import Matrix, SectorRow, UpstreamRow
    from sim.report.twopage.country import Spread

__all__ = ["NeedsFacts", "read_needs"]


@dataclass(frozen=True)
class NeedsFacts:
    """Needs of one country and month, published."""

    lead: str
    in_need: Spread | None
    in_need_before: Spread | None
    upstream_total: Spread | None
    upstream: tuple[UpstreamRow, ...]
    sectors: tuple[SectorRow, ...]
    usd_total: str
    matrix: Matrix
    matrix_note: str


def read_needs(run: RunLike, country: str, month: str, lang: str) -> NeedsFacts | None:
    """Estimate and publish the needs of one country and month; None where there is no estimate."""
    del run, country, month, lang
    return None

"""The rules on record enter; what they changed after every month, as the simulated route has it, leaves, kept in a table.

``archive/rule_effects.parquet`` holds, for each origin, border, nationality and month ahead, the change of log crossings by
the rules known at the origin (``known``) and by all rules of the record (``record``), from `calibration.mechanism`, and the
same in persons a month (``known_persons``, ``record_persons``). A rule that closes a way takes a share of those who came;
one that opens a way adds people: a rise is held to the persons it adds to the last count, since a ratio to a way that hardly
anybody simulated had used says nothing. Forecasts learn from the past rows how much of such a change is seen in the counts.
Maintenance: ``python -m calibration.effects``.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.mechanism import RuleEffect

__all__ = ["AHEAD", "RECORD", "Effects", "load_effects", "make_effects"]

AHEAD = 12
"""Months ahead that are kept; further ahead a rule is taken to have changed what it had changed by then."""

RECORD = "history/to_present"
"""Scenario with every rule on record."""

FIRST, LAST = "2021-03", "2025-12"
"""Origins that are simulated: departures of the world's table begin in July 2020 and are held after June 2024."""

FILE = Path(__file__).parent / "archive" / "rule_effects.parquet"

log = logging.getLogger(__name__)

Key = tuple[str, str]


@dataclass(frozen=True)
class Effects:
    """Changes by rules, by series, origin and month ahead.

    Parameters
    ----------
    keys : tuple of (str, str)
    origins : tuple of str
    change : float64 [series, origins, ahead]
        Log scale.
    persons : float64 [series, origins, ahead], optional
        Persons (or encounters) a month; infinite where it was not measured, which holds nothing back.
    """

    keys: tuple[Key, ...]
    origins: tuple[str, ...]
    change: NDArray[np.float64]
    persons: NDArray[np.float64] | None = None

    def aligned(
        self,
        keys: Sequence[Key],
        months: Sequence[str],
        ahead: int,
        level: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Changes `ahead` months after each month of a panel.

        Parameters
        ----------
        keys : sequence of (str, str)
        months : sequence of str
        ahead : int
        level : float64 [series, months], optional
            Log(1 + count) of each month: rises are held to the persons they add to it.

        Returns
        -------
        float64 [series, months]
            0 before the first origin that was simulated and for series that are not; NaN for later origins that were not.
        """
        out = np.zeros((len(keys), len(months)))
        most = np.full((len(keys), len(months)), np.inf)
        row = {key: i for i, key in enumerate(self.keys)}
        column = {origin: i for i, origin in enumerate(self.origins)}
        series = np.array([row.get(key, -1) for key in keys])
        known = series >= 0
        at = min(ahead, self.change.shape[2]) - 1
        for j, month in enumerate(months):
            if month in column:
                out[known, j] = self.change[series[known], column[month], at]
                if self.persons is not None:
                    most[known, j] = np.maximum(self.persons[series[known], column[month], at], 0.0)
            elif self.origins and month > self.origins[0]:
                out[:, j] = np.nan
        if level is None or self.persons is None:
            return out
        added = np.log1p(most / np.exp(np.nan_to_num(level)))
        return np.where(out > 0.0, np.minimum(out, added), out)

    def with_origin(self, origin: str, effect: RuleEffect) -> Effects:
        """The same with one more origin, or another answer for one.

        Parameters
        ----------
        origin : str
        effect : RuleEffect

        Returns
        -------
        Effects
        """
        keys = tuple(dict.fromkeys((*self.keys, *effect.keys)))
        origins = tuple(sorted({*self.origins, origin}))
        months = max(self.change.shape[2], effect.log_ratio.shape[1])
        at = origins.index(origin)
        rows = [origins.index(o) for o in self.origins]

        def joined(
            kept: NDArray[np.float64] | None, own: NDArray[np.float64] | None, nothing: float
        ) -> NDArray[np.float64]:
            out = np.full((len(keys), len(origins), months), nothing)
            if kept is not None and kept.size:
                grown = np.concatenate(
                    [kept, np.repeat(kept[..., -1:], months - kept.shape[2], axis=2)], axis=2
                )
                out[: len(self.keys), rows] = grown
            out[:, at] = nothing
            for i, key in enumerate(effect.keys):
                if own is not None:
                    last = np.repeat(own[i, -1:], months - own.shape[1])
                    out[keys.index(key), at] = np.concatenate([own[i], last])
            return out

        change = joined(self.change, effect.log_ratio, 0.0)
        if self.persons is None and effect.persons is None:
            return Effects(keys, origins, change)
        return Effects(keys, origins, change, joined(self.persons, effect.persons, np.inf))


def load_effects(which: str, file: Path = FILE) -> Effects:
    """Read the kept table.

    Parameters
    ----------
    which : str
        ``known`` or ``record``.
    file : Path

    Returns
    -------
    Effects
    """
    table = pd.read_parquet(file)
    origins = tuple(sorted(table["origin"].astype(str).unique()))
    pairs = table[["target", "nationality"]].drop_duplicates().sort_values(["target", "nationality"])
    keys = tuple((str(t), str(n)) for t, n in pairs.itertuples(index=False))
    every = pd.MultiIndex.from_tuples([(*key, origin) for key in keys for origin in origins])

    def cube(column: str, nothing: float) -> NDArray[np.float64]:
        wide = table.pivot_table(
            index=["target", "nationality", "origin"], columns="ahead", values=column, observed=True
        )
        full = wide.reindex(every).fillna(nothing).to_numpy(np.float64)
        return full.reshape(len(keys), len(origins), -1)

    return Effects(keys, origins, cube(which, 0.0), cube(f"{which}_persons", np.inf))


def _rows(origin: str, known: RuleEffect, record: RuleEffect) -> pd.DataFrame:
    """The effects of one origin as rows of the kept table."""
    shape = known.log_ratio.shape
    columns: dict[str, object] = {
        "origin": origin,
        "target": np.repeat([t for t, _ in known.keys], shape[1]),
        "nationality": np.repeat([n for _, n in known.keys], shape[1]),
        "ahead": np.tile(np.arange(1, shape[1] + 1, dtype=np.int16), shape[0]),
    }
    for name, effect in (("known", known), ("record", record)):
        columns[name] = effect.log_ratio.ravel().astype(np.float32).round(4)
        if effect.persons is not None:
            columns[f"{name}_persons"] = effect.persons.ravel().astype(np.float32).round(0)
    return pd.DataFrame(columns)


def make_effects(file: Path = FILE, *, scale: float = 0.1, name: str = RECORD) -> pd.DataFrame:
    """Simulate the effects of all rules on record at every origin and keep them.

    Parameters
    ----------
    file : Path
    scale : float
        Share of the people simulated.
    name : str

    Returns
    -------
    DataFrame
        origin, target, nationality, ahead, known, record, known_persons, record_persons.
    """
    from calibration.mechanism import rule_effects  # noqa: PLC0415 - loads the engine
    from sim.spec import load_scenario  # noqa: PLC0415

    loaded = load_scenario(name)
    parts = []
    for origin in (str(m) for m in pd.period_range(FIRST, LAST, freq="M")):
        known, record = rule_effects(origin, AHEAD, name, scale=scale, loaded=loaded)
        parts.append(_rows(origin, known, record))
        log.info("%s", origin)
    table = pd.concat(parts, ignore_index=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    table.to_parquet(aside, index=False, compression="zstd")
    aside.replace(file)
    facts = {
        "scenario": name,
        "scenario_hash": loaded.hash(),
        "version": version("travesia"),
        "scale": scale,
        "origins": [FIRST, LAST],
        "ahead": AHEAD,
    }
    file.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return table


def main() -> None:
    """Write the table anew (maintenance command)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scale", type=float, default=0.1)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    make_effects(scale=parser.parse_args().scale)


if __name__ == "__main__":
    main()

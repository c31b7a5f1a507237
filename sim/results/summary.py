"""Crossings by border, month and nationality: median and intervals over replicates beside what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.spec import Scenario

__all__ = [
    "INTERVALS",
    "beside_observed",
    "border_counts",
    "counted_months",
    "nationality_table",
    "summarise",
    "with_intervals",
    "year_table",
]

INTERVALS = {"lo90": 0.05, "lo50": 0.25, "median": 0.5, "hi50": 0.75, "hi90": 0.95}


def border_counts(flows: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Count crossings as each border's authority counts them.

    Parameters
    ----------
    flows : DataFrame
        The ``flows`` table.
    scenario : Scenario
        Gives the counted legs and the detection rate of each border.

    Returns
    -------
    DataFrame
        replicate, border, month, nationality (with ``ALL``), persons (float).
    """
    borders = scenario.world.borders
    columns = ["replicate", "border", "month", "nationality", "persons"]
    if not borders or flows.empty:
        return pd.DataFrame(columns=columns)
    table = pd.DataFrame(
        {
            "leg": [b.leg for b in borders],
            "border": [b.id for b in borders],
            "rate": [float(scenario.parameters.get(b.detection_parameter, 1.0)) for b in borders],
        }
    )
    counted = flows[flows["leg"].isin(set(table["leg"]))]
    by = ["replicate", "leg", "period_start", "nationality"]
    counted = counted.groupby(by, observed=True)["persons"].sum().reset_index()
    counted["leg"] = counted["leg"].astype(str)
    counted = counted.merge(table, on="leg")
    counted["persons"] = counted["persons"] * counted["rate"]
    counted["month"] = counted["period_start"].dt.strftime("%Y-%m")
    counted["nationality"] = counted["nationality"].astype(str)
    share = {(e.border, e.group): e.share for e in scenario.world.border_exclusions}
    pairs = zip(counted["border"].to_list(), counted["nationality"].to_list(), strict=True)
    part = np.array([share.get(pair, 1.0) for pair in pairs], float)
    counted["persons"] = counted["persons"] * part
    counted = pd.DataFrame(counted[part != 0.0])
    each = counted.groupby(["replicate", "border", "month", "nationality"])["persons"].sum().reset_index()
    total = each.groupby(["replicate", "border", "month"])["persons"].sum().reset_index()
    total["nationality"] = "ALL"
    return pd.concat([each, total], ignore_index=True)[columns]


def summarise(
    flows: pd.DataFrame, scenario: Scenario, replicates: int, observed: pd.DataFrame
) -> pd.DataFrame:
    """Reduce replicates to median and intervals and set observed counts beside them.

    Parameters
    ----------
    flows : DataFrame
    scenario : Scenario
    replicates : int
        Replicates run; one in which nobody crossed counts as nought.
    observed : DataFrame
        Columns border, month, nationality, persons, kind.

    Returns
    -------
    DataFrame
        border, month, nationality, median, lo50, hi50, lo90, hi90, observed, observed_kind, unit.
    """
    counts = border_counts(flows, scenario)
    wide = counts.pivot_table(
        index=["border", "month", "nationality"], columns="replicate", values="persons", aggfunc="sum"
    ).fillna(0.0)
    values = np.zeros((len(wide), max(replicates, 1)))
    if len(wide):
        values[:, : wide.shape[1]] = wide.to_numpy()
    return beside_observed(with_intervals(wide.index.to_frame(index=False), values), scenario, observed)


def with_intervals(cells: pd.DataFrame, values: NDArray[np.float64]) -> pd.DataFrame:
    """Set median and intervals of each row of `values` beside its cell.

    Parameters
    ----------
    cells : DataFrame
        border, month, nationality.
    values : ndarray [cells, replicates]

    Returns
    -------
    DataFrame
    """
    out = cells.copy()
    for name in ("median", "lo50", "hi50", "lo90", "hi90"):
        out[name] = np.quantile(values, INTERVALS[name], axis=1) if len(out) else []
    return out


def beside_observed(out: pd.DataFrame, scenario: Scenario, observed: pd.DataFrame) -> pd.DataFrame:
    """Set what was observed beside medians and intervals.

    Parameters
    ----------
    out : DataFrame
        As `with_intervals` returns.
    scenario : Scenario
    observed : DataFrame
        Columns border, month, nationality, persons, kind.

    Returns
    -------
    DataFrame
        border, month, nationality, median, lo50, hi50, lo90, hi90, observed, observed_kind, unit.
    """
    seen = observed[["border", "month", "nationality", "persons", "kind"]].rename(
        columns={"persons": "observed", "kind": "observed_kind"}
    )
    first, last = scenario.window.start.strftime("%Y-%m"), scenario.window.end.strftime("%Y-%m")
    known = {b.id for b in scenario.world.borders}
    seen = seen[seen["month"].between(first, last) & seen["border"].isin(known)]
    out = out.merge(seen, on=["border", "month", "nationality"], how="outer" if len(out) else "left")
    figures = ["median", "lo50", "hi50", "lo90", "hi90"]
    out[figures] = out[figures].fillna(0.0)
    kind = {b.id: b.count_kind for b in scenario.world.borders}
    out["unit"] = out["border"].map(kind).astype(object)
    order = ["border", "month", "nationality", *figures, "observed", "observed_kind", "unit"]
    return out[order].sort_values(["border", "nationality", "month"], ignore_index=True)


def year_table(summary: pd.DataFrame, counts: pd.DataFrame, nationality: str = "ALL") -> pd.DataFrame:
    """Yearly totals by border: median and 90 % interval over replicates, observed, and the difference in per cent.

    Only months with an observed count are compared.
    """
    rows = []
    of = counts[counts["nationality"] == nationality]
    for border, block in summary[summary["nationality"] == nationality].groupby("border"):
        for year, part in block.groupby(block["month"].str[:4]):
            known = part.dropna(subset=["observed"])
            mine = of[(of["border"] == border) & of["month"].str.startswith(str(year))]
            matched = mine[mine["month"].isin(set(known["month"]))]
            total = mine.groupby("replicate")["persons"].sum().to_numpy()
            same = matched.groupby("replicate")["persons"].sum().to_numpy()
            seen = float(known["observed"].sum()) if len(known) else float("nan")
            middle = float(np.median(same)) if len(same) else float("nan")
            rows.append(
                {
                    "border": border,
                    "year": year,
                    "months": part["month"].nunique(),
                    "median": float(np.median(total)) if len(total) else 0.0,
                    "lo90": float(np.quantile(total, 0.05)) if len(total) else 0.0,
                    "hi90": float(np.quantile(total, 0.95)) if len(total) else 0.0,
                    "observed_months": len(known),
                    "observed": seen,
                    "simulated_same_months": middle,
                    "difference_percent": 100.0 * ((0.0 if np.isnan(middle) else middle) / seen - 1.0)
                    if seen
                    else float("nan"),
                }
            )
    return pd.DataFrame(rows)


def counted_months(summary: pd.DataFrame) -> pd.DataFrame:
    """Cells of single nationalities for which a count exists: the rows of `summary` that can be compared."""
    return summary[(summary["nationality"] != "ALL") & summary["observed"].notna()]


def nationality_table(
    summary: pd.DataFrame, counts: pd.DataFrame, replicates: int, most: int = 5
) -> pd.DataFrame:
    """Totals by border and nationality over the months with an observed count, the largest observed first.

    Parameters
    ----------
    summary : DataFrame
        Rows of ``summary.csv``: border, month, nationality, observed.
    counts : DataFrame
        The same months of every replicate, as `sim.results.reduce.nationality_counts` adds them up.
    replicates : int
        Replicates run; one in which nobody crossed counts as nought.
    most : int
        Nationalities shown at each border.

    Returns
    -------
    DataFrame
        border, nationality, months (with a count), simulated (median over replicates), lo90, hi90, observed,
        difference_percent; persons, or encounters where the border counts those.
    """
    pair = ["border", "nationality"]
    sums = (
        counted_months(summary)
        .groupby(pair, observed=True, as_index=False)
        .agg(months=("month", "nunique"), observed=("observed", "sum"))
    )
    sums = sums[sums["observed"] > 0].sort_values(["border", "observed"], ascending=[True, False])
    sums = sums.groupby("border", observed=True).head(most).reset_index(drop=True)
    wide = counts.pivot_table(index=pair, columns="replicate", values="persons", aggfunc="sum", observed=True)
    wide = wide.reindex(pd.MultiIndex.from_frame(sums[pair]), columns=range(max(replicates, 1))).fillna(0.0)
    for name, share in (("simulated", 0.5), ("lo90", 0.05), ("hi90", 0.95)):
        sums[name] = np.quantile(wide.to_numpy(), share, axis=1) if len(sums) else []
    sums["difference_percent"] = 100.0 * (sums["simulated"] / sums["observed"] - 1.0)
    return sums[[*pair, "months", "simulated", "lo90", "hi90", "observed", "difference_percent"]]

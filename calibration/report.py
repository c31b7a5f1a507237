"""A finished fit enters; one HTML page with figures and a verdict in plain words leaves."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from calibration.calibrate import FitResult

__all__ = ["fit_table", "unexplained_breaks", "verdict", "write_report"]

_LARGE_STEP = 2.5
_GOOD_K = 0.7
_COVERAGE = (0.8, 0.98)
_PANELS = 12


def fit_table(result: FitResult, draws: int = 400, seed: int = 1) -> pd.DataFrame:
    """Observed counts beside what the fit expects, with posterior predictive intervals.

    Parameters
    ----------
    result : FitResult
    draws : int
        From the posterior, each with the scatter of the counts.
    seed : int

    Returns
    -------
    DataFrame
        border, nationality, month, observed, expected, lo50, hi50, lo90, hi90, residual (in standard deviations).
    """
    posterior = result.posterior
    counts = posterior.counts
    rng = np.random.default_rng(seed)
    drawn = np.zeros((draws, len(counts.observed)))
    for i, theta in enumerate(result.draws(draws, rng)):
        phi = np.exp(theta[posterior.n_rows + posterior.n_detection :])[counts.border]
        drawn[i] = rng.poisson(np.minimum(posterior.expected(theta) * rng.gamma(1.0 / phi, phi), 1e8))
    low90, low50, high50, high90 = np.quantile(drawn, [0.05, 0.25, 0.75, 0.95], axis=0)
    phi = np.exp(result.normal.theta[posterior.n_rows + posterior.n_detection :])[counts.border]
    mean = posterior.expected(result.normal.theta)
    named = [
        w.groups[0] if len(w.groups) == 1 else ("ALL" if "VEN" in w.groups else "OTH") for w in counts.windows
    ]
    return pd.DataFrame(
        {
            "border": [w.border for w in counts.windows],
            "nationality": named,
            "month": [w.months[0][0] for w in counts.windows],
            "observed": counts.observed,
            "expected": mean,
            "lo50": low50,
            "hi50": high50,
            "lo90": low90,
            "hi90": high90,
            "residual": (counts.observed - mean) / np.sqrt(mean + phi * mean**2),
        }
    )


def unexplained_breaks(result: FitResult) -> pd.DataFrame:
    """Months in which departures jump beyond what the random walk expects.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    DataFrame
        group, channel, month, change (factor), steps (in spreads of the walk), policies that began that month or the
        month before for that group; blank where none did: unexplained.
    """
    posterior = result.posterior
    u, _, _ = posterior.split(result.normal.theta)
    steps = posterior.steps @ u
    rows = []
    for step, index in zip(steps, posterior.step_rows, strict=True):
        if abs(step) < _LARGE_STEP:
            continue
        group, channel, month = posterior.response.rows[index]
        before = str(pd.Period(month, "M") - 1)
        near = [
            p.id
            for p in result.scenario.policies
            if p.start.strftime("%Y-%m") in {month, before}
            and (not p.nationalities or group in p.nationalities)
        ]
        rows.append(
            (group, channel, month, float(np.exp(u[index] - u[index - 1])), float(step), ", ".join(near))
        )
    table = pd.DataFrame(rows, columns=["group", "channel", "month", "change", "steps", "policies"])
    return table.sort_values("steps", key=np.abs, ascending=False, ignore_index=True)


def verdict(result: FitResult, table: pd.DataFrame, breaks: pd.DataFrame) -> list[str]:
    """What a reader should take away, in plain words.

    Parameters
    ----------
    result : FitResult
    table, breaks : DataFrame

    Returns
    -------
    list of str
    """
    inside = float(((table["observed"] >= table["lo90"]) & (table["observed"] <= table["hi90"])).mean())
    good = _COVERAGE[0] <= inside <= _COVERAGE[1]
    out = [
        f"{len(table):,} published counts were fitted; {inside:.0%} of them lie inside the 90 % interval of the fit, "
        + ("as they should." if good else "which is not as it should be."),
    ]
    blind = [d for d in result.directions if not d.seen]
    out.append(
        f"The data cannot see {len(blind)} of {len(result.directions)} combinations of parameters better than the priors do: "
        "there the figures are what was assumed."
        if blind
        else "Every combination of detection rates and levels of departure is seen better by the data than by the priors."
    )
    out += [f"Not told apart by the counts: {d.words}." for d in blind[:5]]
    k = result.importance.pareto_k
    if result.importance.effective > 0:
        trust = "can be trusted" if k < _GOOD_K else "should be read with care"
        out.append(f"Pareto-k of the check by importance sampling is {k:.2f}: the intervals {trust}.")
    edge = [name for name, near in result.at_bounds.items() if near]
    if edge:
        out.append(
            f"At the edge of what the prior allows: {', '.join(edge)}. The route or the prior is off there."
        )
    if result.ratios:
        out.append(
            "Whole runs of the agents engine differ from what the response predicts by "
            + ", then ".join(f"{100 * r:.0f} %" for r in result.ratios)
            + " (mean over series and months, weighted by people): what queues and information change."
        )
    if len(result.posterior.counts.unseen):
        missing = sum(w.count for w in result.posterior.counts.unseen)
        out.append(
            f"{len(result.posterior.counts.unseen)} counts ({missing:,.0f} people) have no way on this route."
        )
    alone = int((breaks["policies"] == "").sum()) if len(breaks) else 0
    out.append(
        f"{len(breaks)} jumps of departures are larger than the walk expects, {alone} of them without a dated policy."
    )
    return out


def write_report(result: FitResult, path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    result : FitResult
    path : Path
    """
    table = fit_table(result)
    breaks = unexplained_breaks(result)
    table.to_csv(path.parent / "fit.csv", index=False)
    breaks.to_csv(path.parent / "breaks.csv", index=False)
    sources = table.groupby("border").agg(
        counts=("observed", "size"), people=("observed", "sum"), first=("month", "min"), last=("month", "max")
    )
    directions = pd.DataFrame(
        [(max(d.information, 0.0), "data" if d.seen else "prior", d.words) for d in result.directions],
        columns=["information", "seen by", "combination"],
    )
    parts = [
        _list("Verdict", verdict(result, table, breaks)),
        _image(
            "Fit by series: counts (dots), fit (line) and 90 % interval, the twelve largest",
            _fit_figure(table),
        ),
        _image("Residuals: what the fit leaves, by border and month", _residual_figure(table)),
        _frame("Detection rates and dispersion", result.parameters),
        _image("Detection rates: prior and posterior, and profile", _detection_figure(result)),
        _frame(
            "What the data see (information in units of the prior's; below 1 the prior decides)", directions
        ),
        _frame("Jumps of departures", breaks.head(40)),
        _frame("Data behind the fit", sources.reset_index()),
    ]
    if result.withheld is not None:
        parts.append(_frame("Borders that were withheld, predicted", result.withheld))
    style = (
        "body{font:15px sans-serif;max-width:1100px;margin:2em auto;color:#222}"
        "table{border-collapse:collapse;font-size:13px}img{max-width:100%}"
        "td,th{padding:2px 8px;border-bottom:1px solid #ddd;text-align:left}"
    )
    title = f"Calibration: {html.escape(result.config.name)}"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    intro = f"<h1>{title}</h1><p>A model fitted to published counts; a scenario, not a promise.</p>"
    text = f'<!doctype html><html lang="en">{head}<body>{intro}{"".join(parts)}</body></html>'
    aside = path.with_suffix(".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _list(title: str, lines: Sequence[str]) -> str:
    return f"<h2>{title}</h2><ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _frame(title: str, frame: pd.DataFrame) -> str:
    return f"<h2>{html.escape(title)}</h2>" + frame.round(3).to_html(index=False, border=0)


def _image(title: str, figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<h2>{html.escape(title)}</h2><img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'


def _new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415 - slow to import

    return NewFigure(figsize=(width, height), layout="constrained")


def _fit_figure(table: pd.DataFrame) -> Figure:
    sizes = table.groupby(["border", "nationality"])["observed"].sum().sort_values(ascending=False)
    figure = _new_figure(13, 9)
    months = pd.period_range(table["month"].min(), table["month"].max(), freq="M")
    at = months.to_timestamp().to_numpy()
    years = [t for t, month in zip(at, months, strict=True) if month.month == 1]
    for axis, key in zip(figure.subplots(4, 3).ravel(), sizes.index[:_PANELS], strict=False):
        part = table[(table["border"] == key[0]) & (table["nationality"] == key[1])]
        # months without a count stay empty: a line across them would show what nobody published
        part = part.drop_duplicates("month").set_index("month").reindex([str(m) for m in months])
        axis.fill_between(at, part["lo90"], part["hi90"], color="#9bc1e0", alpha=0.6, lw=0)
        axis.plot(at, part["expected"], color="#1b5e8c", lw=1.2, marker=".", ms=2)
        axis.plot(at, part["observed"], "k.", ms=4)
        axis.set_title(f"{key[0]} {key[1]}", fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_xticks(years, [str(t)[:4] for t in years])
        axis.set_xlim(at[0], at[-1])
        axis.set_ylim(bottom=0)
    return figure


def _residual_figure(table: pd.DataFrame) -> Figure:
    wide = table.pivot_table(
        index=["border", "nationality"], columns="month", values="residual", aggfunc="mean"
    )
    figure = _new_figure(13, 0.16 * len(wide) + 1.5)
    axis = figure.subplots()
    image = axis.imshow(wide.to_numpy(), aspect="auto", cmap="RdBu_r", vmin=-3, vmax=3)
    axis.set_yticks(range(len(wide)), [f"{a} {b}" for a, b in wide.index], fontsize=5)
    every = list(range(0, wide.shape[1], 6))
    axis.set_xticks(every, [str(wide.columns[i]) for i in every], fontsize=7)
    figure.colorbar(image, ax=axis, label="standard deviations")
    return figure


def _detection_figure(result: FitResult) -> Figure:
    posterior = result.posterior
    middle, spread, low, high = posterior.detection_prior
    free = np.flatnonzero(spread > 1e-3)  # noqa: PLR2004 - fixed parameters have no spread
    figure = _new_figure(13, 2.2 * -(-len(free) // 4) + 0.5)
    axes: NDArray[np.object_] = np.atleast_1d(figure.subplots(-(-len(free) // 4), 4)).ravel()
    for axis, i in zip(axes, free, strict=False):
        at = np.linspace(low[i], high[i], 200)
        k = posterior.n_rows + i
        own = norm.pdf(at, result.normal.theta[k], result.normal.spread[k])
        before = norm.pdf(at, middle[i], spread[i])
        axis.plot(np.exp(at), before, color="#999", label="prior")
        axis.plot(np.exp(at), own, color="#1b5e8c", label="posterior")
        if posterior.names[i] in result.profiles:
            where, value = result.profiles[posterior.names[i]]
            axis.plot(np.exp(where), np.exp(value) * own.max(), "o", ms=3, color="#c2571a", label="profile")
        axis.set_title(posterior.names[i], fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_yticks([])
    for axis in axes[len(free) :]:
        axis.set_axis_off()
    axes[0].legend(fontsize=7)
    return figure

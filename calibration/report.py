"""A finished fit enters; one HTML page with figures and a verdict in plain words, in English or Spanish, leaves."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from calibration.report_words import column, combination, name_of, phrase, rule_in_words
from sim.report.words import check_language, number

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


def verdict(result: FitResult, table: pd.DataFrame, breaks: pd.DataFrame, lang: str = "en") -> list[str]:
    """What a reader should take away, in plain words.

    Parameters
    ----------
    result : FitResult
    table, breaks : DataFrame
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    list of str
    """
    inside = float(((table["observed"] >= table["lo90"]) & (table["observed"] <= table["hi90"])).mean())
    good = _COVERAGE[0] <= inside <= _COVERAGE[1]
    counted, share = number(len(table), lang), _percent(inside, lang)
    out = [phrase("verdict_inside_good" if good else "verdict_inside_bad", lang, n=counted, share=share)]
    blind = [d for d in result.directions if not d.seen]
    if blind:
        out.append(phrase("verdict_blind", lang, n=len(blind), every=len(result.directions)))
    else:
        out.append(phrase("verdict_all_seen", lang))
    out += [phrase("verdict_not_apart", lang, words=combination(d.up, d.down, lang)) for d in blind[:5]]
    k = result.importance.pareto_k
    if result.importance.effective > 0:
        key = "verdict_pareto_good" if k < _GOOD_K else "verdict_pareto_bad"
        out.append(phrase(key, lang, k=number(k, lang, 2)))
    edge = [name_of("parameter", name, lang) for name, near in result.at_bounds.items() if near]
    if edge:
        out.append(phrase("verdict_edge", lang, names=", ".join(edge)))
    if result.ratios:
        shares = phrase("then", lang).join(_percent(r, lang) for r in result.ratios)
        out.append(phrase("verdict_ratios", lang, shares=shares))
    unseen = result.posterior.counts.unseen
    if len(unseen):
        missing = number(sum(w.count for w in unseen), lang)
        out.append(phrase("verdict_unseen", lang, n=number(len(unseen), lang), people=missing))
    alone = int((breaks["policies"] == "").sum()) if len(breaks) else 0
    out.append(phrase("verdict_breaks", lang, n=number(len(breaks), lang), alone=number(alone, lang)))
    return out


def _percent(share: float, lang: str) -> str:
    """A share as a percentage: closed up in English, after a no-break space in Spanish."""
    return f"{number(100.0 * share, lang)}{'%' if lang == 'en' else '\u00a0%'}"


def write_report(result: FitResult, path: Path, lang: str = "en") -> None:
    """Write the page.

    Parameters
    ----------
    result : FitResult
    path : Path
    lang : str
        ``en`` or ``es``: language of every word on the page; tables beside it keep their English headings.
    """
    lang = check_language(lang)
    table = fit_table(result)
    breaks = unexplained_breaks(result)
    table.to_csv(path.parent / "fit.csv", index=False)
    breaks.to_csv(path.parent / "breaks.csv", index=False)
    parts = [
        _list(phrase("verdict", lang), verdict(result, table, breaks, lang)),
        _image(phrase("fit_figure", lang), _fit_figure(table, lang)),
        _image(phrase("residual_figure", lang), _residual_figure(table, lang)),
        *_tables(result, table, breaks, lang),
    ]
    style = (
        "body{font:15px sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}"
        "table{border-collapse:collapse;font-size:13px}img{max-width:100%}"
        "td,th{padding:2px 8px;border-bottom:1px solid #ddd;text-align:left}"
        "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    )
    title = html.escape(phrase("title", lang, name=result.config.name))
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    intro = f"<h1>{title}</h1><p>{html.escape(phrase('intro', lang))}</p>"
    text = f'<!doctype html><html lang="{lang}">{head}<body>{intro}{"".join(parts)}</body></html>'
    aside = path.with_suffix(".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _tables(result: FitResult, table: pd.DataFrame, breaks: pd.DataFrame, lang: str) -> list[str]:
    """The tables of the page and the figure that belongs to them."""
    sources = table.groupby("border").agg(
        counts=("observed", "size"), people=("observed", "sum"), first=("month", "min"), last=("month", "max")
    )
    seen_by = {True: phrase("by_data", lang), False: phrase("by_prior", lang)}
    directions = pd.DataFrame(
        [
            (max(d.information, 0.0), seen_by[d.seen], combination(d.up, d.down, lang))
            for d in result.directions
        ],
        columns=["information", "seen by", "combination"],
    )
    parts = [
        _frame(phrase("parameter_table", lang), result.parameters, lang),
        _image(phrase("detection_figure", lang), _detection_figure(result, lang)),
        _frame(phrase("direction_table", lang), directions, lang),
        _frame(phrase("break_table", lang), breaks.head(40), lang),
        _frame(phrase("source_table", lang), sources.reset_index(), lang),
    ]
    if result.withheld is not None:
        words = {
            name: [rule_in_words(str(rule), lang) for rule in result.withheld[name]]
            for name in ("rule", "blind_rule")
        }
        parts.append(_frame(phrase("withheld_table", lang), result.withheld.assign(**words), lang))
    return parts


def _list(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<h2>{html.escape(title)}</h2><ul>{items}</ul>"


def _cell(kind: str, value: object, lang: str) -> str:
    """One cell: numbers as the language writes them, names in words."""
    if isinstance(value, float):
        size = abs(value)
        return number(value, lang, 0 if size >= 1000.0 else 1 if size >= 100.0 else 3)
    if isinstance(value, int):
        return number(value, lang)
    return html.escape(name_of(kind, str(value), lang))


def _frame(title: str, frame: pd.DataFrame, lang: str) -> str:
    """A table; columns that hold ids of borders, groups, channels or parameters show their names."""
    numeric = [dtype.kind in "fiu" for dtype in frame.dtypes]
    mark = [' class="n"' if n else "" for n in numeric]
    names = [html.escape(column(str(name), lang)) for name in frame.columns]
    head = "".join(f"<th{m}>{name}</th>" for m, name in zip(mark, names, strict=True))
    rows = []
    for row in frame.itertuples(index=False):
        cells = [_cell(str(kind), value, lang) for kind, value in zip(frame.columns, row, strict=True)]
        rows.append("<tr>" + "".join(f"<td{m}>{c}</td>" for m, c in zip(mark, cells, strict=True)) + "</tr>")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<h2>{html.escape(title)}</h2>{table}"


def _image(title: str, figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<h2>{html.escape(title)}</h2><img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'


def _new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415 - slow to import

    return NewFigure(figsize=(width, height), layout="constrained")


def _series_name(border: str, group: str, lang: str) -> str:
    return f"{name_of('border', border, lang)}, {name_of('group', group, lang)}"


def _fit_figure(table: pd.DataFrame, lang: str) -> Figure:
    sizes = table.groupby(["border", "nationality"])["observed"].sum().sort_values(ascending=False)
    figure = _new_figure(13, 9)
    months = pd.period_range(table["month"].min(), table["month"].max(), freq="M")
    at = months.to_timestamp().to_numpy()
    years = [t for t, month in zip(at, months, strict=True) if month.month == 1]
    shown = sizes.index[:_PANELS]
    rows = -(-len(shown) // 3)
    figure.set_figheight(2.25 * rows)
    axes = figure.subplots(rows, 3, squeeze=False).ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis, key in zip(axes, shown, strict=False):
        part = table[(table["border"] == key[0]) & (table["nationality"] == key[1])]
        # months without a count stay empty: a line across them would show what nobody published
        part = part.drop_duplicates("month").set_index("month").reindex([str(m) for m in months])
        axis.fill_between(at, part["lo90"], part["hi90"], color="#9bc1e0", alpha=0.6, lw=0)
        axis.plot(at, part["expected"], color="#1b5e8c", lw=1.2, marker=".", ms=2)
        axis.plot(at, part["observed"], "k.", ms=4)
        axis.set_title(_series_name(str(key[0]), str(key[1]), lang), fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_xticks(years, [str(t)[:4] for t in years])
        axis.set_xlim(at[0], at[-1])
        axis.set_ylim(bottom=0)
    return figure


def _residual_figure(table: pd.DataFrame, lang: str) -> Figure:
    wide = table.pivot_table(
        index=["border", "nationality"], columns="month", values="residual", aggfunc="mean"
    )
    figure = _new_figure(13, 0.16 * len(wide) + 1.5)
    axis = figure.subplots()
    image = axis.imshow(wide.to_numpy(), aspect="auto", cmap="RdBu_r", vmin=-3, vmax=3)
    axis.set_yticks(range(len(wide)), [_series_name(a, b, lang) for a, b in wide.index], fontsize=6)
    every = list(range(0, wide.shape[1], 6))
    axis.set_xticks(every, [str(wide.columns[i]) for i in every], fontsize=7)
    figure.colorbar(image, ax=axis, label=phrase("standard_deviations", lang))
    return figure


def _detection_figure(result: FitResult, lang: str) -> Figure:
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
        axis.plot(np.exp(at), before, color="#999", label=phrase("prior", lang))
        axis.plot(np.exp(at), own, color="#1b5e8c", label=phrase("posterior", lang))
        if posterior.names[i] in result.profiles:
            where, value = result.profiles[posterior.names[i]]
            axis.plot(
                np.exp(where),
                np.exp(value) * own.max(),
                "o",
                ms=3,
                color="#c2571a",
                label=phrase("profile", lang),
            )
        axis.set_title(name_of("parameter", posterior.names[i], lang), fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_yticks([])
    for axis in axes[len(free) :]:
        axis.set_axis_off()
    if len(free):
        fullest = max(axes[: len(free)], key=lambda axis: len(axis.get_legend_handles_labels()[0]))
        fullest.legend(fontsize=7)
    return figure

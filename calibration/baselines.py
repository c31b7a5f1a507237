"""A series of monthly counts enters; the quantiles of five naive rules leave.

- ``last_value``: the last month, with the changes of the past (both signs) over the same number of months as
  interval, in counts, as the baseline of the forecast hubs.
- ``last_value_log``: the same in log(1 + count), on which changes of these series are closest to symmetric.
- ``seasonal_naive``: the same month a year ago, with past changes over a year (both signs, log scale) as
  interval.
- ``ets``: exponential smoothing with additive errors and a damped trend, as statsmodels fits and predicts it.
- ``arima``: ARIMA of order (0,1,1), (1,1,0) or (1,1,1) chosen by AIC, as statsmodels fits and predicts it.

The last two work on the log scale too.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from calibration.score import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BASELINES",
    "arima",
    "baseline_quantiles",
    "clean_log",
    "ets",
    "last_value",
    "last_value_log",
    "seasonal_naive",
]

BASELINES: tuple[str, ...] = ("last_value", "last_value_log", "seasonal_naive", "ets", "arima")

_YEAR = 12
_FEWEST = 8
_FEWEST_FIT = 12
_STILL = 1e-9
_DEFAULT_CHANGES = np.array([-0.7, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.7])
_ORDERS = ((0, 1, 1), (1, 1, 0), (1, 1, 1))
_WIDEST = 4.0
"""Largest standard deviation on the log scale a fitted rule is believed."""


def clean_log(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log(1 + count) from the first published month on, gaps filled by straight lines.

    Parameters
    ----------
    counts : float64 [months]
        NaN where nothing was published.

    Returns
    -------
    float64
        Ends with the last published month carried on.
    """
    known = np.flatnonzero(~np.isnan(counts))
    if not len(known):
        return np.zeros(0)
    at = np.arange(known[0], len(counts))
    return np.asarray(np.interp(at, known, np.log1p(counts[known])))


def _back(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(np.expm1(np.minimum(z, 16.0)), 0.0))


def _changes(z: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    change = z[step:] - z[:-step] if len(z) > step else np.zeros(0)
    if len(change) < _FEWEST:
        change = np.append(change, _DEFAULT_CHANGES * np.sqrt(step))
    return np.sort(np.concatenate([change, -change]))


def last_value(counts: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Last value with the changes of the past, in counts, as interval.

    Parameters
    ----------
    counts : float64
    months : int
        How far ahead.

    Returns
    -------
    float64 [months, 23]
    """
    x = np.expm1(clean_log(counts))
    rows = []
    for h in range(1, months + 1):
        change = x[h:] - x[:-h] if len(x) > h else np.zeros(0)
        if len(change) < _FEWEST:
            change = np.append(change, x[-1] * np.expm1(_DEFAULT_CHANGES * np.sqrt(h)))
        rows.append(x[-1] + np.quantile(np.concatenate([change, -change]), LEVELS))
    return np.asarray(np.maximum(np.stack(rows), 0.0))


def last_value_log(counts: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Last value with the changes of the past, on the log scale, as interval.

    Parameters
    ----------
    counts : float64
    months : int

    Returns
    -------
    float64 [months, 23]
    """
    z = clean_log(counts)
    return _back(np.stack([z[-1] + np.quantile(_changes(z, h), LEVELS) for h in range(1, months + 1)]))


def seasonal_naive(counts: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Same month a year ago with past changes over a year as interval.

    Parameters
    ----------
    counts : float64
    months : int

    Returns
    -------
    float64 [months, 23]
        Where there is no full year yet, the last value stands in.
    """
    z = clean_log(counts)
    if len(z) < _YEAR:
        return last_value_log(counts, months)
    rows = []
    for h in range(1, months + 1):
        years = (h - 1) // _YEAR + 1
        rows.append(z[len(z) - 1 + h - _YEAR * years] + np.quantile(_changes(z, _YEAR * years), LEVELS))
    return _back(np.stack(rows))


def ets(counts: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Exponential smoothing with a damped trend.

    Parameters
    ----------
    counts : float64
    months : int

    Returns
    -------
    float64 [months, 23]
    """
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415 - slow to import

    z = clean_log(counts)
    if len(z) < _FEWEST_FIT or np.ptp(z) < _STILL:
        return last_value_log(counts, months)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ETSModel(pd.Series(z), error="add", trend="add", damped_trend=True).fit(disp=False)
        predicted = fit.get_prediction(start=len(z), end=len(z) + months - 1)
        mean, variance = np.asarray(predicted.predicted_mean), np.asarray(predicted.forecast_variance)
    return _normal(mean, np.sqrt(variance), counts, months)


def arima(counts: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """ARIMA with the order of the smallest AIC.

    Parameters
    ----------
    counts : float64
    months : int

    Returns
    -------
    float64 [months, 23]
    """
    from statsmodels.tsa.arima.model import ARIMA  # noqa: PLC0415 - slow to import

    z = clean_log(counts)
    if len(z) < _FEWEST_FIT or np.ptp(z) < _STILL:
        return last_value_log(counts, months)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [fit for fit in (_fitted(ARIMA(z, order=order)) for order in _ORDERS) if fit is not None]
        if not fits:
            return last_value_log(counts, months)
        ahead = min(fits, key=lambda fit: float(fit.aic)).get_forecast(months)
        mean, deviation = np.asarray(ahead.predicted_mean), np.asarray(ahead.se_mean)
    return _normal(mean, deviation, counts, months)


def _fitted(model: Any) -> Any | None:  # noqa: ANN401 - statsmodels has no types
    """Fit, or nothing where the likelihood breaks down (series that hardly move)."""
    try:
        return model.fit(method="innovations_mle", cov_type="none")
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None


def _normal(
    mean: NDArray[np.float64], deviation: NDArray[np.float64], counts: NDArray[np.float64], months: int
) -> NDArray[np.float64]:
    if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
        return last_value_log(counts, months)
    spread = np.clip(deviation, 1e-6, _WIDEST)
    return _back(mean[:, None] + spread[:, None] * norm.ppf(LEVELS)[None, :])


def baseline_quantiles(name: str, counts: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Quantiles of a naive rule by name.

    Parameters
    ----------
    name : str
        One of :data:`BASELINES`.
    counts : float64
        Months up to the origin; NaN where nothing was published.
    months : int
        How far ahead.

    Returns
    -------
    float64 [months, 23]
    """
    rules = {
        "last_value": last_value,
        "last_value_log": last_value_log,
        "seasonal_naive": seasonal_naive,
        "ets": ets,
        "arima": arima,
    }
    return rules[name](counts, months)

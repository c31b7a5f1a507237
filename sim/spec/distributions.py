"""Stay and travel times: a named distribution enters, probabilities of whole days leave.

Days are whole in the simulation. A continuous or fractional time X is rounded at random to one of its two
neighbouring whole days so that its mean is kept, hence ``P(k) = E[max(0, 1 - |X - k|)]``. With ``J(x) =
E[max(0, X - x)]`` the hat function is a second difference and ``P(k) = J(k + 1) - 2 J(k) + J(k - 1)``,
``P(0) = 1 - J(0) + J(1)``, in closed form for every kind below.
"""

import math
from abc import abstractmethod
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.spec.base import Number, Quantity, Share, Strict

__all__ = ["KINDS", "Distribution", "Fixed", "Gamma", "Geometric", "Lognormal", "Table", "Triangular"]

Days = NDArray[np.float64]
#: Shares of a table may miss 1 by rounding in the last digit written.
TOLERANCE = 1e-6


#: Width in days (or spread) below which a distribution is one number: what is smaller has no meaning and overflows.
NARROW = 1e-9


class Time(Strict):
    """A distribution of days (what all kinds share)."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """Expected days, before and after rounding to whole days."""

    @abstractmethod
    def excess(self, x: Days) -> Days:
        """``J(x) = E[max(0, X - x)]``, in days, for each `x` >= 0."""

    def longest(self) -> float:
        """The longest time that can be drawn, in days; infinite where there is no bound."""
        return math.inf

    def pmf(self, max_days: int) -> Days:
        """Probability of each number of whole days.

        Parameters
        ----------
        max_days : int
            Last day looked at, 0 or more.

        Returns
        -------
        float64[:], shape (at most max_days + 1,)
            Entry k is the probability of k days; what is missing from 1 comes later than `max_days`.
        """
        last = int(min(math.ceil(self.longest()), max_days)) if math.isfinite(self.longest()) else max_days
        beyond = self.excess(np.arange(last + 2, dtype=np.float64))
        shares = np.empty(last + 1)
        shares[0] = 1.0 - beyond[0] + beyond[1]
        shares[1:] = beyond[2:] - 2.0 * beyond[1:-1] + beyond[:-2]
        return np.maximum(shares, 0.0)

    @property
    def surely_zero(self) -> bool:
        """Whether no time passes for certain."""
        return self.mean <= 0.0


class Fixed(Time):
    """The same number of days for everybody; 2.3 is 2 with probability 0.7 and 3 with 0.3.

    Parameters
    ----------
    days : float
        Days, 0 or more.
    """

    kind: Literal["fixed"] = "fixed"
    days: Quantity

    @property
    def mean(self) -> float:
        """Expected days."""
        return self.days

    def longest(self) -> float:
        """The longest time, in days."""
        return self.days

    def excess(self, x: Days) -> Days:
        """``max(0, days - x)``."""
        return np.maximum(0.0, self.days - x)

    def pmf(self, max_days: int) -> Days:
        """Probability of each number of whole days (exact, see `Time.pmf`)."""
        return table_pmf((self.days,), (1.0,), max_days)


class Geometric(Time):
    """Leaving on each day from the first after arrival with probability ``1 / mean_days``; never on day zero.

    Parameters
    ----------
    mean_days : float
        Expected days, 1 or more.
    """

    kind: Literal["geometric"] = "geometric"
    mean_days: Annotated[Number, Field(ge=1)]

    @property
    def mean(self) -> float:
        """Expected days."""
        return self.mean_days

    def excess(self, x: Days) -> Days:
        """``mean (1 - 1 / mean) ** x`` at whole numbers of days."""
        return np.asarray(self.mean_days * (1.0 - 1.0 / self.mean_days) ** x)

    def pmf(self, max_days: int) -> Days:
        """Probability of each number of whole days (no rounding, see `Time.pmf`)."""
        chance = 1.0 / self.mean_days
        shares = np.zeros(max_days + 1)
        shares[1:] = chance * (1.0 - chance) ** np.arange(max_days, dtype=np.float64)
        return shares


class Triangular(Time):
    """From `low` to `high` with a peak at `mode`.

    Parameters
    ----------
    low, mode, high : float
        Days, in this order.
    """

    kind: Literal["triangular"] = "triangular"
    low: Quantity
    mode: Quantity
    high: Quantity

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """Refuse a peak outside the range."""
        if not self.low <= self.mode <= self.high:
            msg = f"low <= mode <= high is needed, found {self.low:g}, {self.mode:g}, {self.high:g}"
            raise ValueError(msg)
        return self

    @property
    def mean(self) -> float:
        """Expected days."""
        return (self.low + self.mode + self.high) / 3.0

    def longest(self) -> float:
        """The longest time, in days."""
        return self.high

    def excess(self, x: Days) -> Days:
        """Integral of the survival function, a cubic on either side of the peak."""
        low, mode, high = self.low, self.mode, self.high
        if high - low < NARROW:
            return np.maximum(0.0, self.mean - x)
        width = high - low
        rising = (
            (np.clip(x, low, mode) - low) ** 3 / (3.0 * width * (mode - low))
            if mode - low > NARROW
            else np.zeros_like(x)
        )
        falling = (
            (high - np.clip(x, mode, high)) ** 3 / (3.0 * width * (high - mode))
            if high - mode > NARROW
            else np.zeros_like(x)
        )
        return np.where(x < mode, self.mean - x + rising, falling)


class Gamma(Time):
    """Gamma distribution by its mean and shape (variance ``mean_days ** 2 / shape``).

    Parameters
    ----------
    mean_days : float
        Expected days, more than 0.
    shape : float
        More than 0; 1 is the exponential distribution.
    """

    kind: Literal["gamma"] = "gamma"
    mean_days: Annotated[Number, Field(gt=0)]
    shape: Annotated[Number, Field(gt=0)]

    @property
    def mean(self) -> float:
        """Expected days."""
        return self.mean_days

    def excess(self, x: Days) -> Days:
        """``mean S(x; shape + 1) - x S(x; shape)`` with S the survival function."""
        from scipy import special

        scaled = x * self.shape / self.mean_days
        return np.asarray(
            self.mean_days * special.gammaincc(self.shape + 1.0, scaled)
            - x * special.gammaincc(self.shape, scaled)
        )


class Lognormal(Time):
    """Log-normal distribution by its median and the standard deviation of its logarithm.

    Parameters
    ----------
    median_days : float
        Half of the people take less; more than 0.
    spread : float
        Standard deviation of the natural logarithm, 0 or more.
    """

    kind: Literal["lognormal"] = "lognormal"
    median_days: Annotated[Number, Field(gt=0)]
    spread: Quantity

    @property
    def mean(self) -> float:
        """Expected days."""
        return self.median_days * math.exp(self.spread**2 / 2.0)

    def longest(self) -> float:
        """The longest time, in days."""
        return math.inf if self.spread > 0 else self.median_days

    def excess(self, x: Days) -> Days:
        """``mean N(spread - z) - x N(-z)`` with ``z = log(x / median) / spread``."""
        if self.spread < NARROW:
            return np.maximum(0.0, self.mean - x)
        from scipy import special

        with np.errstate(divide="ignore"):
            z = np.log(x / self.median_days) / self.spread
        return np.asarray(self.mean * special.ndtr(self.spread - z) - x * special.ndtr(-z))


class Table(Time):
    """Days and the share of people who take them.

    Parameters
    ----------
    days : sequence of float
        Days, 0 or more; fractions are rounded at random.
    share : sequence of float
        As many shares, which add up to 1.
    """

    kind: Literal["table"] = "table"
    days: tuple[Quantity, ...] = Field(min_length=1)
    share: tuple[Share, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def whole(self) -> Self:
        """Refuse shares that do not fit the days or do not add up to 1."""
        if len(self.days) != len(self.share):
            msg = (
                f"as many shares as days are needed, found {len(self.days)} days and {len(self.share)} shares"
            )
            raise ValueError(msg)
        if abs(math.fsum(self.share) - 1.0) > TOLERANCE:
            msg = f"shares that add up to 1 are needed, these add up to {math.fsum(self.share):g}"
            raise ValueError(msg)
        return self

    @property
    def mean(self) -> float:
        """Expected days."""
        return math.fsum(d * s for d, s in zip(self.days, self.share, strict=True)) / math.fsum(self.share)

    def longest(self) -> float:
        """The longest time, in days."""
        return max(d for d, s in zip(self.days, self.share, strict=True) if s > 0)

    def excess(self, x: Days) -> Days:
        """Weighted sum over the rows of ``max(0, days - x)``."""
        longer = np.maximum(0.0, np.asarray(self.days)[None, :] - x[:, None])
        return np.asarray(longer @ (np.asarray(self.share) / math.fsum(self.share)))

    def pmf(self, max_days: int) -> Days:
        """Probability of each number of whole days (exact, see `Time.pmf`)."""
        return table_pmf(self.days, self.share, max_days)


def table_pmf(days: tuple[float, ...], share: tuple[float, ...], max_days: int) -> Days:
    """Shares of whole days when each of `days` is split between its two neighbours."""
    last = max(math.ceil(d) for d, s in zip(days, share, strict=True) if s > 0)
    shares = np.zeros(min(last, max_days) + 1)
    total = math.fsum(share)
    for day, part in zip(days, share, strict=True):
        lower = math.floor(day)
        for k, near in ((lower, 1.0 - (day - lower)), (lower + 1, day - lower)):
            if k < shares.size and near > 0:
                shares[k] += part / total * near
    return shares


KINDS: dict[str, type[Time]] = {
    "fixed": Fixed,
    "geometric": Geometric,
    "triangular": Triangular,
    "gamma": Gamma,
    "lognormal": Lognormal,
    "table": Table,
}

Distribution = Annotated[
    Fixed | Geometric | Triangular | Gamma | Lognormal | Table, Field(discriminator="kind")
]


def fields_of(kind: object) -> tuple[str, ...]:
    """Names of the fields a kind of distribution has."""
    return tuple(KINDS[str(kind)].model_fields) if kind in KINDS else tuple(KINDS)

"""What is in force when: a scenario enters, one line of signs a policy leaves."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.spec.policies import PolicyBase
    from sim.spec.scenario import Scenario

__all__ = ["months_of", "text_timeline"]

FULL, PARTLY, AHEAD, NONE = "█", "▒", "·", " "
LEGEND: Final = {
    "en": f"{FULL} in force all month   {PARTLY} part of the month or of its strength   {AHEAD} anticipated",
    "es": f"{FULL} vigente todo el mes   {PARTLY} parte del mes o de su fuerza   {AHEAD} anticipada",
}
EMPTY: Final = {"en": "No policies.", "es": "Sin políticas."}
#: Letters of an id that the timeline shows.
WIDEST: Final = 40


def months_of(scenario: Scenario) -> NDArray[np.datetime64]:
    """Every month simulated: datetime64[M]."""
    first, last = np.datetime64(scenario.first_day, "M"), np.datetime64(scenario.window.end, "M")
    return np.arange(first, last + np.timedelta64(1, "M"))


def text_timeline(scenario: Scenario, lang: str = "en") -> list[str]:
    """Lines of a table with a row for each policy and a column for each month.

    Parameters
    ----------
    scenario : Scenario
        Any scenario.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    list of str
        Heading with the years, the policies by start, and what the signs mean.
    """
    if not scenario.policies:
        return [EMPTY[lang]]
    months = months_of(scenario)
    policies = sorted(scenario.policies, key=lambda policy: (policy.start, policy.id))
    width = min(max(len(policy.id) for policy in policies), WIDEST)
    lines = [f"{'':{width}}  {years(months)}", f"{'':{width}}  {month_digits(months)}"]
    lines += [
        f"{shortened(policy.id, width):{width}}  {signs(policy, scenario.days, months)}"
        for policy in policies
    ]
    return [line.rstrip() for line in lines] + [LEGEND[lang]]


def shortened(text: str, width: int) -> str:
    """A text of at most `width` letters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def years(months: NDArray[np.datetime64]) -> str:
    """The year over its January, and over the first month."""
    line = [" "] * (len(months) + 4)
    for column, month in enumerate(months):
        day = as_date(month)
        if (day.month == 1 or column == 0) and not "".join(line[column : column + 4]).strip():
            line[column : column + 4] = str(day.year)
    return "".join(line).rstrip()


def month_digits(months: NDArray[np.datetime64]) -> str:
    """Initials of the months."""
    return "".join("JFMAMJJASOND"[as_date(month).month - 1] for month in months)


def as_date(month: np.datetime64) -> date:
    """First day of a month."""
    return date.fromisoformat(str(np.datetime64(month, "D")))


def signs(policy: PolicyBase, days: NDArray[np.datetime64], months: NDArray[np.datetime64]) -> str:
    """One sign for each month."""
    strength, ahead = policy.strength(days), policy.anticipation(days)
    month_of_day = days.astype("datetime64[M]")
    made = []
    for month in months:
        inside = month_of_day == month
        if (strength[inside] >= 1.0).all():
            made.append(FULL)
        elif (strength[inside] > 0.0).any():
            made.append(PARTLY)
        else:
            made.append(AHEAD if (ahead[inside] != 1.0).any() else NONE)
    return "".join(made)

"""Policies as a person turns them: a scenario enters, events with switches, sliders and sentences leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from sim.app.text import has, say
from sim.report.words import country_name
from sim.spec import INSTRUMENTS, Text
from sim.spec.library import in_words, library_root, policy_file, policy_paths, text_of
from sim.spec.policies import PolicyBase
from sim.spec.reading import Row

if TYPE_CHECKING:
    from datetime import date

    from pydantic.fields import FieldInfo

    from sim.spec import Policy, Scenario

__all__ = ["Control", "Event", "Switch", "controls_of", "events_of", "policy_name"]

Kind = Literal["share", "factor", "number", "weight"]
_NUMBERS: Final = {"per_day", "per_month", "persons", "patience_days", "cost_usd", "income_usd_per_day"}
_WEIGHTS: Final = {("pathway", "weight"), ("appointment", "weight"), ("return", "size")}
"""Weights beside those of the other ways: any size, so that their sliders follow the value."""
_NAMED = 4
"""Nationalities a name lists before it counts them."""


@dataclass(frozen=True)
class Control:
    """One number of a policy that can be moved.

    Parameters
    ----------
    key : str
        Field of the policy.
    kind : {"share", "factor", "number", "weight"}
    value, low, high, step : float
        Where it stands and how far it goes.
    label, sentence, unit : str
        What it is called, what it stands for, and its unit.
    """

    key: str
    kind: Kind
    value: float
    low: float
    high: float
    step: float
    label: str
    sentence: str
    unit: str


@dataclass(frozen=True)
class Switch:
    """One policy: its name, dates, numbers, where its size comes from, and what to know when reading it."""

    policy: str
    name: str
    sentence: str
    start: date
    end: date | None
    controls: tuple[Control, ...]
    source: str
    places: str
    note: str = ""


@dataclass(frozen=True)
class Event:
    """What was decided on one day, and the policies that stand for it.

    Parameters
    ----------
    id, title, summary, effect : str
        Name, headline, what happened, and what was documented of it.
    sources : tuple of str
    start : date
    end : date or None
    policies : tuple of str
        Ids.
    left, width : float
        Where its bar begins in the window, and how long it is, in per cent.
    """

    id: str
    title: str
    summary: str
    effect: str
    sources: tuple[str, ...]
    start: date
    end: date | None
    policies: tuple[str, ...]
    left: float
    width: float


def events_of(scenario: Scenario, lang: str) -> list[Event]:
    """Events of a scenario's policies, by their first day.

    Parameters
    ----------
    scenario : Scenario
    lang : str

    Returns
    -------
    list of Event
    """
    together: dict[str, list[Policy]] = {}
    for policy in scenario.policies:
        together.setdefault(policy.event or policy.id, []).append(policy)
    made = [event_of(name, policies, scenario, lang) for name, policies in together.items()]
    return sorted(made, key=lambda event: (event.start, event.id))


def event_of(name: str, policies: list[Policy], scenario: Scenario, lang: str) -> Event:
    """One event, with what the library says of it."""
    told = library_events().get(name)
    start = min(policy.start for policy in policies)
    ends = [policy.end for policy in policies]
    end = None if None in ends else max(e for e in ends if e is not None)
    title = policies[0].title.in_language(lang) or (policy_name(policies[0], scenario, lang))
    left, width = bar(start, end, scenario.window.start, scenario.window.end)
    return Event(
        id=name,
        title=title,
        summary=told.summary.in_language(lang) if told else "",
        effect=in_words(told.effect, lang) if told else "",
        sources=tuple(dict.fromkeys(in_words(source, lang) for p in policies for source in p.sources)),
        start=start,
        end=end,
        policies=tuple(policy.id for policy in policies),
        left=left,
        width=width,
    )


def bar(start: date, end: date | None, first: date, last: date) -> tuple[float, float]:
    """Begin and length of a bar in per cent of the window, never thinner than can be seen."""
    days = max((last - first).days + 1, 1)
    left = min(max((start - first).days / days, 0.0), 1.0)
    right = 1.0 if end is None else min(max(((end - first).days + 1) / days, 0.0), 1.0)
    width = max(right - left, 0.012)
    return round(100 * min(left, 1.0 - width), 2), round(100 * width, 2)


@dataclass(frozen=True)
class _Told:
    summary: Text
    effect: str


def library_events() -> dict[str, _Told]:
    """Summary and documented effect of every event of the library."""
    return _library_events(max((modified for _, modified in policy_paths()), default=0), str(library_root()))


@lru_cache(maxsize=2)
def _library_events(_modified: int, _root: str) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for path, modified in policy_paths():
        event = policy_file(path, modified).get("event")
        if isinstance(event, Row):
            told = _Told(text_of(event.get("summary")), str(event.get("documented_effect", "")))
            found[str(event.get("id"))] = told
    return found


def policy_name(policy: Policy, scenario: Scenario, lang: str) -> str:
    """What a policy does and to whom: ``Expulsion: Venezuela``."""
    names = {group.id: getattr(group, f"name_{lang}") or group.id for group in scenario.world.groups}
    whom = [names.get(group, group) for group in policy.nationalities]
    told = ", ".join(whom) or say("groups_all", lang)
    if len(whom) > _NAMED:
        told = say("groups_many", lang, n=len(whom))
    return f"{say(f'instrument.{policy.instrument}', lang)}: {told}"


def controls_of(policy: Policy, scenario: Scenario, lang: str) -> Switch:
    """Everything that can be changed on a policy, in words.

    Parameters
    ----------
    policy : Policy
    scenario : Scenario
    lang : str

    Returns
    -------
    Switch
    """
    own = [name for name in type(policy).model_fields if name not in PolicyBase.model_fields]
    controls = [made for name in own if (made := control(policy, name, lang)) is not None]
    return Switch(
        policy=policy.id,
        name=policy_name(policy, scenario, lang),
        sentence=say(f"instrument.{policy.instrument}.is", lang),
        start=policy.start,
        end=policy.end,
        controls=tuple(controls),
        source=in_words(policy.effect_source, lang),
        places=where(policy, scenario, lang),
        note=in_words(policy.note, lang),
    )


def control(policy: Policy, name: str, lang: str) -> Control | None:
    """A slider for one field; None for fields without a number, or left at their default."""
    field = INSTRUMENTS[policy.instrument].model_fields[name]
    value = getattr(policy, name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if not field.is_required() and value == field.get_default() and name != "size":
        return None
    kind: Kind = (
        "number" if name in _NUMBERS else "weight" if (policy.instrument, name) in _WEIGHTS else "factor"
    )
    if is_share(field):
        kind = "share"
    high = {
        "share": 1.0,
        "factor": max(2.0, nice(2.0 * value)),
        "number": max(10.0, nice(2.0 * value)),
        "weight": nice(2.0 * value),
    }[kind]
    step = 0.01 if kind == "share" else max(round(high / 100.0), 1) if kind == "number" else high / 200.0
    key = f"field.{policy.instrument}.{name}"
    if not has(key):  # a field without words yet is left as it is
        return None
    return Control(
        key=name,
        kind=kind,
        value=float(value),
        low=0.0,
        high=high,
        step=step,
        label=say(key, lang),
        sentence=say(f"{key}.is", lang),
        unit=say(f"unit.{kind if kind != 'number' else name}", lang),
    )


def is_share(field: FieldInfo) -> bool:
    """Whether a field holds a share of people, 0 to 1, also where it may be left out."""
    kinds = (field.annotation, *get_args(field.annotation))
    inner = [rule for kind in kinds for rule in getattr(kind, "__metadata__", ())]
    rules = [*field.metadata, *inner, *(each for rule in inner for each in getattr(rule, "metadata", ()))]
    return any(getattr(rule, "le", None) == 1 for rule in rules)


def nice(value: float) -> float:
    """A round number at or above a value."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0) if step * power >= value - 1e-9)


def where(policy: Policy, scenario: Scenario, lang: str) -> str:
    """Countries a policy acts in."""
    of_place = {place.id: place.country for place in scenario.world.places}
    codes = list(policy.countries) + [of_place[p] for p in policy.places if p in of_place]
    for leg in scenario.world.legs:
        if leg.id in policy.legs:
            codes.append(of_place.get(leg.to, ""))
    found = [country_name(code, lang) for code in dict.fromkeys(code for code in codes if code)]
    return ", ".join(found)


def all_fields() -> list[tuple[str, str]]:
    """Instrument and field of every number a policy may hold, for the test of the words."""
    made: list[tuple[str, Any]] = []
    for instrument, model in INSTRUMENTS.items():
        made += [
            (instrument, name)
            for name in model.model_fields
            if name not in PolicyBase.model_fields and name != "to"
        ]
    return made

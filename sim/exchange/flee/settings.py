"""FLEE's settings: a YAML (or older CSV) file enters, numbers with FLEE's defaults leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sim.exchange.files import Reader, nearest_of, plain_key
from sim.spec.reading import Row, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Settings", "read_settings"]

SQRT_TEN: Final = 3.16227766017
SECTIONS: Final = ("log_levels", "spawn_rules", "move_rules", "optimisations", "optimizations")
#: Settings that say how FLEE runs or writes, not what it models.
ASIDE: Final = frozenset({"numberofsteps", "conflictinputfile", "floodlevelinputfile", "loglevels"})
NO_COUNTERPART: Final = {
    "usev1rules": "rules of FLEE 1 as a bundle; set the single values instead",
    "childrenavoidhazards": "weights by age; no effect here",
    "boystakerisk": "weights by age and sex; no effect here",
    "matchcampethnicity": "weights by ethnicity, which is no attribute of our people",
    "matchtownethnicity": "weights by ethnicity, which is no attribute of our people",
    "matchconflictethnicity": "weights by ethnicity, which is no attribute of our people",
    "floodrules": "floods have their own instrument, 'hazard'; write them as policies",
    "floodzonespawningonly": "floods have their own instrument, 'hazard'; write them as policies",
    "floodaware": "floods have their own instrument, 'hazard'; write them as policies",
    "campsaresicks": "people who stop in camps; set settle_weight of places instead",
    "campsaresinks": "people who stop in camps; set settle_weight of places instead",
    "readfromagentscsvfile": "people listed one by one; write departure rows instead",
    "maxcrossingspeed": "FLEE reads it and does not use it",
    "conflictzonespawningonly": "people set out from conflict zones only, as in FLEE",
    "hasten": "everybody is simulated one to one; use 'travesia run --scale'",
}


@dataclass(frozen=True)
class Settings:
    """FLEE's rules as numbers; defaults are FLEE's own.

    Parameters
    ----------
    max_move_speed, max_walk_speed : float
        Kilometres a day.
    foreign_weight, camp_weight, conflict_weight : float
        Factors on the score of a place.
    conflict_movechance, camp_movechance, idpcamp_movechance, default_movechance : float
        Probability of leaving on a day.
    awareness_level : int
        Links ahead that people weigh.
    capacity_buffer, capacity_scaling : float
        Share of its capacity from which a camp attracts less; factor on every capacity.
    softening, distance_power, weight_softening, weight_power : float
        Weight of a way of d km to a place of score s:
        ``((weight_softening + s) / (softening + d) ** distance_power) ** weight_power``.
    insert_day0, take_from_population : bool
        People counted on the first day begin in their camps; departures use up the population.
    displaced_per_conflict_day : float, optional
        Departures of a conflict zone a day, in place of the observed total.
    spawn_mode : str
        constant, pop_ratio or poisson.
    conflict_spawn_decay : tuple of float
        Factor on a conflict for each 30 days since its start.
    """

    max_move_speed: float = 360.0
    max_walk_speed: float = 35.0
    foreign_weight: float = 1.0
    camp_weight: float = 1.0
    conflict_weight: float = 1.0 / SQRT_TEN
    conflict_movechance: float = 1.0
    camp_movechance: float = 0.001
    idpcamp_movechance: float = 0.1
    default_movechance: float = 0.3
    awareness_level: int = 1
    capacity_buffer: float = 0.9
    capacity_scaling: float = 1.0
    avoid_short_stints: bool = False
    start_on_foot: bool = False
    softening: float = 10.0
    weight_softening: float = 0.0
    weight_power: float = 1.0
    distance_power: float = 1.0
    stay_close_to_home: bool = False
    home_distance_power: float = 0.5
    use_pop_for_loc_weight: bool = False
    pop_power_for_loc_weight: float = 0.1
    movechance_pop_base: float = 10000.0
    movechance_pop_scale_factor: float = 0.0
    insert_day0: bool = True
    take_from_population: bool = False
    displaced_per_conflict_day: float | None = None
    spawn_mode: str = "constant"
    conflict_spawn_decay: tuple[float, ...] = ()
    conflict_input_file: str = ""
    given: frozenset[str] = field(default_factory=frozenset)


FIELDS: Final = {plain_key(one.name): one for one in dataclasses.fields(Settings) if one.name != "given"}
#: Names of FLEE 1's settings.csv and other spellings.
SPELLINGS: Final = {
    "insertdayzerorefugeesincamps": "insertday0",
    "distancesoftening": "softening",
    "campmovechance": "campmovechance",
    "defaultmovechance": "defaultmovechance",
    "spawntakefrompopulation": "takefrompopulation",
    "takerefugeesfrompopulation": "takefrompopulation",
    "conflictinputfilename": "conflictinputfile",
}
CHANCES: Final = frozenset(
    {"conflict_movechance", "camp_movechance", "idpcamp_movechance", "default_movechance"}
)
YES: Final = frozenset({"true", "yes", "on", "1", "1.0"})
NO: Final = frozenset({"false", "no", "off", "0", "0.0"})
POSITIVE: Final = frozenset({"max_move_speed", "max_walk_speed", "movechance_pop_base"})


def read_settings(path: Path | None, reader: Reader, left_out: list[str]) -> Settings:
    """Settings of a file over FLEE's defaults.

    Parameters
    ----------
    path : Path or None
        None means FLEE's defaults.
    reader : Reader
        Notes the faults.
    left_out : list of str
        What has no counterpart is added here.
    """
    if path is None:
        return Settings()
    flat = flat_yaml(path) if path.suffix.lower() != ".csv" else flat_csv(path, reader)
    values: dict[str, Any] = {}
    for name, (value, where) in flat.items():
        key = SPELLINGS.get(plain_key(name), plain_key(name))
        if key in FIELDS:
            found = converted(FIELDS[key].name, value, where, reader)
            if found is not None:
                values[FIELDS[key].name] = found
        elif key in NO_COUNTERPART:
            if value not in (False, None, 0, "", 1 if key == "hasten" else None):
                left_out.append(f"setting {name} = {value} ({where}): {NO_COUNTERPART[key]}")
        elif key not in ASIDE:
            hint = nearest_of(key, FIELDS)
            left_out.append(f"setting {name} = {value} ({where}): not known{'; ' + hint if hint else ''}")
    return Settings(**values, given=frozenset(values))


def flat_yaml(path: Path) -> dict[str, tuple[Any, str]]:
    """Every setting with its file and line; sections are opened."""
    made: dict[str, tuple[Any, str]] = {}

    def gather(row: Mapping[str, Any]) -> None:
        for key, value in row.items():
            where = row.at(key, key) if isinstance(row, Row) else path.name
            if plain_key(key) == "loglevels":
                continue
            if isinstance(value, Mapping) and plain_key(key) == "floodrules":
                made[key] = ("given", where)
            elif isinstance(value, Mapping) and key != "conflict_spawn_decay":
                if plain_key(key) == "conflictdrivenspawning":
                    made.setdefault("displaced_per_conflict_day", (500, where))
                gather(value)
            else:
                made[key] = (value, where)

    gather(read_yaml(path.read_text(encoding="utf-8-sig") or "{}", path.name))
    return made


def flat_csv(path: Path, reader: Reader) -> dict[str, tuple[Any, str]]:
    """Settings of FLEE 1: one name and value a line."""
    sheet = reader.sheet(path, ())
    return {cells[0]: (cells[1], f"{sheet.file}:{number}") for number, cells in sheet.rows if len(cells) > 1}


def converted(name: str, value: Any, where: str, reader: Reader) -> Any:  # noqa: ANN401 - as the field has it
    """A value as its field needs it; None, with a fault noted, where it does not fit."""
    usual = getattr(Settings(), name)
    if value is None:
        return None
    if isinstance(usual, bool):
        return truth(name, value, where, reader)
    if isinstance(usual, str):
        return str(value)
    if isinstance(usual, tuple):
        held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
        return tuple(float(one) for one in held)
    return number_of(name, value, where, reader)


def truth(name: str, value: object, where: str, reader: Reader) -> bool | None:
    """Yes or no in any of the spellings of YAML and CSV."""
    text = str(value).strip().lower()
    if text in YES | NO:
        return text in YES
    reader.fault(f"{name} is '{value}'", where, "true or false")
    return None


def number_of(name: str, value: Any, where: str, reader: Reader) -> float | int | None:  # noqa: ANN401
    """A number within its bounds."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        reader.fault(f"{name} is '{value}'", where, "a number")
        return None
    if name in CHANCES and not 0.0 <= number <= 1.0:
        reader.fault(f"{name} is {number:g}", where, "a probability from 0 to 1")
        return None
    if (name in POSITIVE and number <= 0.0) or (number < 0.0 and name != "awareness_level"):
        reader.fault(f"{name} is {number:g}", where, "a number above 0")
        return None
    return int(number) if name == "awareness_level" else number

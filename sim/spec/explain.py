"""Rows become models; what a model refuses becomes a sentence with its place and the nearest name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from sim.errors import Problem
from sim.spec.base import Strict
from sim.spec.distributions import KINDS, fields_of
from sim.spec.reading import Row

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["build", "build_all", "key_names", "nearest", "unknown_keys", "value_of"]


#: What pydantic's names of faults mean to a person.
EXPECTED: Final = {
    "string_pattern_mismatch": "letters, digits, '_', '-' and '.' (a country: three capital letters)",
    "string_type": "text",
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "date_from_datetime_parsing": "a date such as 2023-01-31",
    "date_from_datetime_inexact": "a date such as 2023-01-31, without an hour",
    "date_type": "a date such as 2023-01-31",
}
#: Letters of a value that a message shows.
LONGEST: Final = 60


def nearest(name: object, known: Iterable[str]) -> str:
    """A hint with the nearest valid name, or nothing where none is near."""
    options = sorted(set(known))
    found = get_close_matches(str(name), options, n=1, cutoff=0.5)
    if not found:
        lower = {option.lower(): option for option in options}
        found = [lower[near] for near in get_close_matches(str(name).lower(), list(lower), n=1, cutoff=0.5)]
    return f"did you mean '{found[0]}'?" if found else ""


def listing(names: Iterable[str], most: int = 40) -> str:
    """Names in a row, the first few of very many."""
    known = list(names)
    return ", ".join(known[:most]) + (f", ... ({len(known)} in all)" if len(known) > most else "")


def key_names(model: type[Strict]) -> list[str]:
    """Keys of a model as files write them."""
    return [field.alias or name for name, field in model.model_fields.items() if not field.exclude]


def unknown_keys(row: Row, known: Sequence[str], label: str, problems: list[Problem]) -> None:
    """Refuse the keys of a row that are not `known`."""
    for key in row:
        if key not in known:
            where = row.at(key, f"{label}{key}") if row.where(key) else f"{label}{key}"
            problems.append(
                Problem(f"unknown key '{key}'", where, f"one of {listing(known)}", nearest(key, known))
            )


def build[M: Strict](model: type[M], row: object, label: str, problems: list[Problem]) -> M | None:
    """One row as its model; None with every fault noted where it is refused.

    Parameters
    ----------
    model : type
        Class of the row.
    row : Row
        Keys and values.
    label : str
        What messages call the row, such as ``legs[A-B]``.
    problems : list of Problem
        Faults are added here.
    """
    if not isinstance(row, Row):
        problems.append(
            Problem(
                f"{label} is {value_of(row)}", label, f"a mapping with the keys {listing(key_names(model))}"
            )
        )
        return None
    try:
        return model.model_validate(dict(row))
    except ValidationError as error:
        problems.extend(explained(detail, model, row, label) for detail in error.errors(include_url=False))
        return None


def build_all[M: Strict](
    model: type[M], rows: Sequence[Any], section: str, problems: list[Problem]
) -> tuple[M, ...]:
    """All rows of a section as models, without those refused.

    Parameters
    ----------
    model : type
        Class of a row.
    rows : sequence of Row
        The section.
    section : str
        Its name, for messages.
    problems : list of Problem
        Faults are added here.
    """
    adapter = TypeAdapter(tuple[model, ...])  # type: ignore[valid-type]
    try:
        made: tuple[M, ...] = adapter.validate_python(rows)
    except ValidationError:
        single = (
            build(model, row, f"{section}[{name_of(row, number)}]", problems)
            for number, row in enumerate(rows, 1)
        )
        return tuple(one for one in single if one is not None)
    return made


def name_of(row: object, number: int) -> str:
    """Id of a row, or its number where it has none."""
    return str(row.get("id", number)) if isinstance(row, Row) else str(number)


def explained(detail: ErrorDetails, model: type[Strict], row: Row, label: str) -> Problem:
    """One refusal of a model in the words of the house."""
    path, holder = path_in(row, detail["loc"])
    key = path[-1] if path else ""
    place = row.where(*path)
    name = ".".join([label, *(str(step) for step in path)])
    where = f"{place}:{name}" if place else name
    kind = detail["type"]
    if kind in {"extra_forbidden", "missing"}:
        known = key_names(model) if len(path) == 1 else nested_keys(model, path, holder)
        if kind == "extra_forbidden":
            expected = f"one of {listing(known)}" if known else ""
            return Problem(f"unknown key '{key}'", where, expected, nearest(key, known))
        expected = describe(model, str(key)) if len(path) == 1 else f"the keys {listing(known)}"
        return Problem(f"the key '{key}' is missing", where, expected)
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        return of_unknown_kind(detail, where)
    if kind == "value_error":
        return Problem(str(detail["msg"]).removeprefix("Value error, "), where)
    found = f"{key or label} is {value_of(detail['input'])}"
    if kind == "literal_error":
        choices = str(detail.get("ctx", {}).get("expected", "")).replace(" or ", ", ").split(",")
        options = [choice.strip(" '") for choice in choices]
        return Problem(found, where, f"one of {listing(options)}", nearest(detail["input"], options))
    return Problem(found, where, expectation(detail))


def expectation(detail: ErrorDetails) -> str:
    """What a value should have been, in plain words."""
    kind = detail["type"]
    if kind in EXPECTED:
        return EXPECTED[kind]
    said = str(detail["msg"]).removeprefix("Input should be ").replace("Input should have", "something with")
    return ("a number " if kind.startswith(("greater", "less")) else "") + said[:1].lower() + said[1:]


def of_unknown_kind(detail: ErrorDetails, where: str) -> Problem:
    """A distribution without a kind, or of a kind there is not."""
    if detail["type"] == "union_tag_not_found":
        return Problem("the key 'kind' is missing", where, f"one of {listing(KINDS)}")
    tag = detail.get("ctx", {}).get("tag", "")
    return Problem(f"kind is '{tag}'", where, f"one of {listing(KINDS)}", nearest(tag, KINDS))


def path_in(row: Row, location: tuple[int | str, ...]) -> tuple[list[int | str], Any]:
    """The keys that lead to a fault, without pydantic's names of union members, and what holds the last."""
    path: list[int | str] = []
    value: Any = row
    holder: Any = row
    for step in location:
        if isinstance(value, dict) and step not in value and value.get("kind") == step:
            continue
        if isinstance(step, str) and step.startswith(("function-", "tuple[", "constrained-", "[key]")):
            continue
        holder = value
        path.append(step)
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            value = None
    return path, holder


def nested_keys(model: type[Strict], path: list[int | str], holder: object) -> list[str]:
    """Keys a nested mapping may have."""
    if isinstance(holder, dict) and holder.get("kind") in KINDS:
        return list(fields_of(holder["kind"]))
    field = model.model_fields.get(str(path[0]))
    inner = getattr(field, "annotation", None)
    return key_names(inner) if isinstance(inner, type) and issubclass(inner, Strict) else []


def describe(model: type[Strict], key: str) -> str:
    """What a missing key should hold."""
    for name, field in model.model_fields.items():
        if key in {name, field.alias} and field.description:
            return field.description
    return f"the keys {listing(names)}" if (names := required(model)) else ""


def required(model: type[Strict]) -> list[str]:
    """Keys a model cannot do without."""
    return [field.alias or name for name, field in model.model_fields.items() if field.is_required()]


def value_of(value: object) -> str:
    """A value as messages show it, shortened."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "empty"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."

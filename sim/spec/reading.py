"""YAML files with the place of every key: text enters, mappings that know their file and lines leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sim.errors import Problem, ScenarioError
from sim.spec.quick import quick_nodes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RESOLVED", "Row", "located", "read_text", "read_yaml"]

#: First line of the files that `Scenario.to_yaml` writes, with one JSON row on each line.
RESOLVED: Final = "# travesia: resolved scenario, one row a line"
MOST_BYTES: Final = 10_000_000
MOST_NODES: Final = 500_000
MOST_REPEATED: Final = 10_000
MOST_DEEP: Final = 40
PLAIN_TAGS: Final = frozenset({"str", "int", "float", "bool", "null", "timestamp"})


class Row(dict[str, Any]):
    """A mapping that knows the file and the lines it came from.

    Parameters
    ----------
    values : dict
        Its keys and values.
    file : str
        Name of the file, for messages.
    line : int
        First line; 0 where there are no lines.
    lines : dict, optional
        Line of each key.
    """

    def __init__(
        self,
        values: dict[str, Any] | None = None,
        file: str = "",
        line: int = 0,
        lines: dict[str, int] | None = None,
    ) -> None:
        super().__init__(values or {})
        self.file = file
        self.line = line
        self.lines = dict(lines or {})
        self.files: dict[str, str] = {}

    def copy(self) -> Row:
        """A copy that knows the same lines."""
        made = Row(dict(self), self.file, self.line, self.lines)
        made.files = dict(self.files)
        return made

    def updated(self, other: Row) -> Row:
        """A copy in which the keys of another row, and their lines, take over."""
        made = self.copy()
        for key, value in other.items():
            made[key] = value
            made.lines[key] = other.lines.get(key, other.line)
            made.files[key] = other.files.get(key, other.file)
        return made

    def where(self, *path: str | int) -> str:
        """File, line and key of something in this row, as messages write it."""
        holder, file, line = self, self.file, self.line
        value: Any = self
        for step in path:
            if isinstance(value, Row):
                holder = value
                file = holder.files.get(str(step), holder.file)
                line = holder.lines.get(str(step), holder.line)
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        return ":".join(part for part in (file, str(line) if line else "") if part)

    def at(self, key: str, label: str) -> str:
        """File and line of a key, and what messages call it."""
        place = self.where(key)
        return f"{place}:{label}" if place else label


def read_text(path: Path) -> str:
    """Text of a file of at most 10 MB.

    Parameters
    ----------
    path : Path
        A file.

    Returns
    -------
    str

    Raises
    ------
    ScenarioError
        If it is missing, larger, or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise refusal(path.name, f"the file has {size:,} bytes", f"at most {MOST_BYTES:,}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise refusal(
            str(path), f"the file cannot be read: {error.strerror}", "a readable YAML file"
        ) from error
    except UnicodeDecodeError as error:
        raise refusal(path.name, "the file is not UTF-8 text", "text saved as UTF-8") from error


def read_yaml(text: str, name: str, *, shipped: bool = False) -> Row:
    """The mapping a YAML text holds.

    Parameters
    ----------
    text : str
        One YAML document.
    name : str
        What messages call it.
    shipped : bool
        Whether it comes with Travesía: such files are read by `sim.spec.quick`, with the same result.

    Returns
    -------
    Row
        With a `Row` for every mapping in it.

    Raises
    ------
    ScenarioError
        If it is not YAML, holds no mapping, repeats a key, is nested too deeply, or expands aliases
        without bound.
    """
    if len(text.encode()) > MOST_BYTES:
        raise refusal(name, f"the text has {len(text.encode()):,} bytes", f"at most {MOST_BYTES:,}")
    if text.startswith(RESOLVED):
        try:
            return resolved_rows(text, name)
        except (ValueError, LookupError):
            pass  # edited by hand since: the general parser reads it
    root = quick_nodes(text) if shipped else None
    try:
        root = root or YAML(typ="safe", pure=True).compose(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise refusal(where, f"this is not YAML: {error.problem or error}", "one YAML document") from error
    except (YAMLError, ValueError) as error:
        raise refusal(name, f"this is not YAML: {error}", "one YAML document") from error
    except RecursionError as error:
        raise refusal(
            name, "mappings or lists are nested too deeply", f"at most {MOST_DEEP} levels"
        ) from error
    if not isinstance(root, MappingNode):
        raise refusal(name, "there is no mapping at the top", "keys such as name, window, world, departures")
    builder = Builder(name)
    made = builder.build(root, 0)
    if builder.problems:
        message = f"{name} cannot be read"
        raise ScenarioError(message, builder.problems)
    return made  # type: ignore[no-any-return]


class Builder:
    """Turns the nodes of one document into rows, counting what aliases expand to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: set[int] = set()
        self.nodes = 0
        self.repeated = 0
        self.problems: list[Problem] = []
        self.scalars = YAML(typ="safe", pure=True).constructor

    def build(self, node: Node, depth: int) -> Any:  # noqa: ANN401 - as YAML gives it
        """What a node holds."""
        self.count(node, depth)
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if isinstance(node, SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        row = Row({}, self.name, line_of(node))
        for key_node, value_node in node.value:
            key = self.key(key_node)
            if key in row:
                self.problem(
                    f"the key '{key}' is written twice", key_node, "each key once", "delete one of the two"
                )
            row[key] = self.build(value_node, depth + 1)
            row.lines[key] = line_of(key_node)
        return row

    def key(self, node: Node) -> str:
        """A key as text (`2:` in family sizes is the number 2)."""
        return str(node.value) if isinstance(node, ScalarNode) else f"<{type(node).__name__}>"

    def scalar(self, node: ScalarNode) -> Any:  # noqa: ANN401 - as YAML gives it
        """A number, text, date, true, false or nothing."""
        tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if tag not in PLAIN_TAGS:
            self.problem(f"the tag '{tag}' is not allowed", node, "plain values")
            return None
        try:
            return self.scalars.construct_object(node)
        except (YAMLError, ValueError) as error:
            if (
                tag == "timestamp"
            ):  # 30 February: text, which the key it stands under refuses among all other faults
                return str(node.value)
            self.problem(
                f"'{node.value}' cannot be read: {error}", node, "a number, a date (2023-01-31) or text"
            )
            return None

    def count(self, node: Node, depth: int) -> None:
        """Refuse documents that grow without bound when their aliases are written out."""
        self.nodes += 1
        if id(node) in self.seen:
            self.repeated += 1
        self.seen.add(id(node))
        where = f"{self.name}:{line_of(node)}"
        if depth > MOST_DEEP:
            raise refusal(
                where, "mappings, lists or aliases are nested too deeply", f"at most {MOST_DEEP} levels"
            )
        if self.repeated > MOST_REPEATED:
            raise refusal(
                where, "aliases repeat too much of the document", f"at most {MOST_REPEATED:,} repeated values"
            )
        if self.nodes > MOST_NODES:
            raise refusal(where, "the document is too large", f"at most {MOST_NODES:,} values")

    def problem(self, what: str, node: Node, expected: str, hint: str = "") -> None:
        """Note a fault and go on, so that all are told in one go."""
        self.problems.append(Problem(what, f"{self.name}:{line_of(node)}", expected, hint))


def line_of(node: Node) -> int:
    """Line a node starts on, counted from 1."""
    return int(node.start_mark.line) + 1 if node.start_mark else 0


def refusal(where: str, what: str, expected: str, hint: str = "") -> ScenarioError:
    """The error for a file that cannot be read at all."""
    return ScenarioError("The scenario cannot be read", [Problem(what, where, expected, hint)])


def located(value: object, file: str = "", line: int = 0) -> Any:  # noqa: ANN401 - as YAML gives it
    """Plain Python mappings as rows that carry a name for messages.

    Parameters
    ----------
    value : object
        Mappings, lists and values as YAML or JSON would give them.
    file, line : str, int
        Where it comes from.

    Returns
    -------
    object
        The same with every mapping a `Row`.
    """
    if isinstance(value, Row):
        return value
    if isinstance(value, dict):
        return Row({str(key): located(held, file, line) for key, held in value.items()}, file, line)
    if isinstance(value, list | tuple):
        return [located(held, file, line) for held in value]
    return value


def resolved_rows(text: str, name: str) -> Row:
    """The mapping in a file with one JSON value on each line (ValueError if it is not such a file)."""
    top = Row({}, name, 1)
    holders: list[tuple[int, Row]] = [(0, top)]
    rows: list[Any] = []
    for number, indent, key, value in resolved_lines(text):
        if key is None:
            rows.append(located(value, name, number))
            continue
        while holders and holders[-1][0] > indent:
            holders.pop()
        depth, holder = holders[-1]
        if depth != indent or key in holder:
            raise ValueError(number)
        holder.lines[key] = number
        if value == "rows":
            rows = holder[key] = []
        elif value == "mapping":
            holder[key] = Row({}, name, number)
            holders.append((indent + 2, holder[key]))
        else:
            holder[key] = located(value[0], name, number)
    return top


def resolved_lines(text: str) -> Iterator[tuple[int, int, str | None, Any]]:
    """Line number, indent, key (None for a row) and value of each line of a resolved file."""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        body = line.strip()
        if not body or body.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        if body.startswith("- "):
            yield number, indent, None, json.loads(body[2:])
            continue
        key, colon, rest = body.partition(":")
        if not colon or not key.replace("_", "").isalnum():
            raise ValueError(number)
        if rest.strip():
            yield number, indent, key, [json.loads(rest)]
        else:
            following = lines[number] if number < len(lines) else ""
            yield number, indent, key, "rows" if following.strip().startswith("- ") else "mapping"

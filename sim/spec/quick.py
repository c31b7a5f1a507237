"""Shipped YAML read twenty times as fast: a text enters, the nodes that the general parser would give leave.

libyaml takes the text apart; what a word means (`NO` is text, `2023-01-31` a day) is asked of the general parser, so that
both say the same. Only what is shipped is read this way: every such file is compared with the general parser by a test.
Anything unusual, and every fault, is left to the general parser, whose messages name file and line.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tag import Tag

__all__ = ["quick_nodes"]

_TEXT, _MAPPING, _LIST = (Tag(suffix=f"tag:yaml.org,2002:{kind}") for kind in ("str", "map", "seq"))
_DEEPEST: Final = 40


class _UnusualError(Exception):
    """A tag, a directive, a second document or great depth: for the general parser."""


def quick_nodes(text: str) -> Node | None:
    """The node at the top of a text.

    Parameters
    ----------
    text : str
        One YAML document.

    Returns
    -------
    Node or None
        None if the general parser has to read it.
    """
    try:
        from yaml import YAMLError, events
        from yaml.cyaml import CParser
    except ImportError:  # PyYAML without its compiled part
        return None
    parser = CParser(text)
    try:
        return _Composer(parser, events).document()
    except (YAMLError, _UnusualError, ValueError):
        return None
    finally:
        parser.dispose()


class _Composer:
    """Puts nodes together from what a parser finds, one after the other."""

    def __init__(self, parser: Any, events: Any) -> None:  # noqa: ANN401 - PyYAML publishes no types
        self.next = parser.get_event
        self.events = events
        self.anchors: dict[str, Node] = {}

    def document(self) -> Node:
        """The only document of the text."""
        self.next()  # the stream begins
        start = self.next()
        if type(start) is not self.events.DocumentStartEvent or start.version or start.tags:
            raise _UnusualError
        root = self.node(self.next(), 0)
        if (
            type(self.next()) is self.events.DocumentEndEvent
            and type(self.next()) is self.events.StreamEndEvent
        ):
            return root
        raise _UnusualError

    def node(self, event: Any, depth: int) -> Node:  # noqa: ANN401 - PyYAML publishes no types
        """The node that begins with an event; one that is pointed at is the same node again."""
        kind = type(event)
        if kind is self.events.AliasEvent and event.anchor in self.anchors:
            return self.anchors[event.anchor]
        if kind is self.events.AliasEvent or event.tag or event.anchor in self.anchors or depth > _DEEPEST:
            raise _UnusualError
        made: Node
        if kind is self.events.ScalarEvent:
            tag = _meaning(event.value) if event.implicit[0] else _TEXT
            made = ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        elif kind is self.events.MappingStartEvent:
            made = MappingNode(_MAPPING, self.pairs(depth + 1), event.start_mark, event.end_mark)
        else:
            made = SequenceNode(_LIST, self.items(depth + 1), event.start_mark, event.end_mark)
        if event.anchor:
            self.anchors[event.anchor] = made
        return made

    def pairs(self, depth: int) -> list[tuple[Node, Node]]:
        """Keys and values up to the end of a mapping."""
        held = []
        while type(event := self.next()) is not self.events.MappingEndEvent:
            key = self.node(event, depth)
            held.append((key, self.node(self.next(), depth)))
        return held

    def items(self, depth: int) -> list[Node]:
        """Nodes up to the end of a list."""
        held = []
        while type(event := self.next()) is not self.events.SequenceEndEvent:
            held.append(self.node(event, depth))
        return held


@cache
def _general() -> Any:  # noqa: ANN401 - a part of the general parser without published types
    return YAML(typ="safe", pure=True).resolver


@cache
def _meaning(value: str) -> Tag:
    """What a word that stands without quotes is: its tag, as the general parser resolves it."""
    found = _general().resolve(ScalarNode, value, (True, False))
    return found if isinstance(found, Tag) else Tag(suffix=str(found))

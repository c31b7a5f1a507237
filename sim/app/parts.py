"""Form fields of the browser itself as Dash components (drawn by `static/parts.js`): labelled and usable by keyboard."""

from __future__ import annotations

from typing import Any, ClassVar

from dash.development.base_component import Component

__all__ = ["Bar", "Field"]


class _Part(Component):  # type: ignore[misc] # Dash is not typed for us
    """What both parts tell Dash about themselves."""

    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = ["children"]
    _namespace = "travesia_parts"
    _names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        self._prop_names = list(self._names)
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        super().__init__(**values)


class Field(_Part):
    """One labelled field.

    Parameters
    ----------
    id : str or dict
    kind : str
        ``select``, ``checkbox``, ``range``, ``number``, ``date``, ``text`` or ``file``.
    label : str
        Always there for screen readers; `quiet` hides it from the eye.
    value : object
        Text, number or truth; dates as ``2023-01-31``.
    hint, unit : str
        A sentence below, and the unit a slider shows; `percent` shows a share as per cent.
    min, max, step : float or str
    labels : list of str
        What a slider over 0, 1, 2... shows instead of the number.
    options : list of dict
        ``value`` and ``label``, or ``label`` and ``options`` for a group.
    accept, most : str, int
        Endings and bytes that a file field takes; `contents` (base64), `filename`, `size` and `moment` come back.
    """

    _type = "Field"
    _names = (
        "id", "kind", "label", "value", "hint", "unit", "percent", "lang", "min", "max", "step", "options", "labels", "quiet",
        "disabled", "className", "accept", "most", "contents", "filename", "size", "moment",
    )  # fmt: skip


class Bar(_Part):
    """A progress bar: `value` from 0 to 1, and what it measures as `label`."""

    _type = "Bar"
    _names = ("id", "value", "label")

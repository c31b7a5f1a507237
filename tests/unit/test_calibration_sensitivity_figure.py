"""The figure of a study shows every border, the dummy as a line, and which effects stand above it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from calibration.report_words import name_of
from calibration.sensitivity import DUMMY
from calibration.sensitivity_figure import sensitivity_figure


def a_table() -> pd.DataFrame:
    rows = [
        ("darien", "beta_risk", 0.40, 0.05, True),
        ("darien", "beta_days", 0.06, 0.05, False),
        ("darien", DUMMY, 0.03, 0.01, False),
        ("mexico", "beta_risk", 0.10, 0.01, True),
        ("mexico", "beta_days", 0.20, 0.02, True),
        ("mexico", DUMMY, 0.02, 0.02, False),
    ]
    return pd.DataFrame(rows, columns=["border", "parameter", "effect", "interval", "above_dummy"])


@pytest.mark.parametrize("lang", ["en", "es"])
def test_each_border_has_its_bars_and_its_zero_line(lang: str) -> None:
    figure = sensitivity_figure(a_table(), "morris", lang)
    darien, mexico = (axis for axis in figure.axes if axis.axison)
    assert [axis.get_title() for axis in (darien, mexico)] == [
        name_of("border", "darien", lang),
        name_of("border", "mexico", lang),
    ]
    named = [label.get_text() for label in darien.get_yticklabels()]
    assert named == [name_of("parameter", name, lang) for name in ("beta_days", "beta_risk")]
    assert not set(named) & {"beta_days", "beta_risk"}  # in words, not by id
    assert [bar.get_width() for bar in darien.patches if isinstance(bar, Rectangle)] == [0.06, 0.40]
    colours = [to_hex(bar.get_facecolor()) for bar in darien.patches]
    assert colours[0] != colours[1]
    assert len({to_hex(bar.get_facecolor()) for bar in mexico.patches}) == 1
    zero = [line for line in mexico.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(np.asarray(zero[0].get_xdata(), np.float64), 0.04)

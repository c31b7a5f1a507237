"""Optional packages do their part where they are installed, and are reported missing where they are not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.extras import abc_from_fit, optional, prim_boxes
from calibration.marginal import find_marginal_mode
from sim.errors import CalibrationError
from tests.calibration_fixture import a_posterior


def test_a_missing_package_is_named_with_the_words_that_install_it() -> None:
    with pytest.raises(CalibrationError) as caught:
        optional("no_such_package.part", "abc")
    assert "no_such_package is not installed here" in str(caught.value)
    assert "pip install 'travesia[abc]'" in str(caught.value)


def cases() -> tuple[pd.DataFrame, np.ndarray]:
    points = pd.DataFrame(np.random.default_rng(1).uniform(0.0, 1.0, (400, 3)), columns=["a", "b", "c"])
    return points, ((points["a"] > 0.6) & (points["b"] < 0.4)).to_numpy()


def test_discovery_names_the_ranges_or_the_missing_package() -> None:
    points, happened = cases()
    if find_spec("ema_workbench") is None:
        with pytest.raises(CalibrationError, match="ema_workbench is not installed here"):
            prim_boxes(points, happened)
        return
    boxes = prim_boxes(points, happened).set_index("parameter")
    assert set(boxes.index) <= {"a", "b", "c"}
    assert boxes.loc["a", "low"] == pytest.approx(0.6, abs=0.1)
    assert boxes.loc["b", "high"] == pytest.approx(0.4, abs=0.1)
    assert (boxes["share_right"] > 0.8).all()


def test_nothing_is_discovered_from_too_few_runs() -> None:
    points, happened = cases()
    for few in ((points.head(10), happened[:10]), (points, np.zeros(400, bool))):
        with pytest.raises(CalibrationError, match="nothing to discover"):
            prim_boxes(*few)


class _Fit:
    def __init__(self) -> None:
        self.posterior = a_posterior()
        self.normal = find_marginal_mode(self.posterior)[1]


def test_abc_agrees_with_the_fit_or_names_the_missing_package(tmp_path: Path) -> None:
    fit = _Fit()
    if find_spec("pyabc") is None:
        with pytest.raises(CalibrationError, match="pyabc is not installed here"):
            abc_from_fit(fit, tmp_path / "abc.db")  # type: ignore[arg-type]
        return
    table = abc_from_fit(fit, tmp_path / "abc.db", population=40, generations=3)  # type: ignore[arg-type]
    assert table["weight"].sum() == pytest.approx(1.0)
    k = fit.posterior.n_rows + fit.posterior.names.index("detection_honduras")
    mean = float((table["detection_honduras"] * table["weight"]).sum())
    assert np.log(mean) == pytest.approx(fit.normal.theta[k], abs=2.0 * fit.normal.spread[k])

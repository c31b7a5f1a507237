"""Tables of the calibration's commands: in the reader's words and numbers, and fit for eighty columns."""

from __future__ import annotations

import pandas as pd
import pytest
from rich.console import Console

from calibration.console import in_a_table
from calibration.report_words import table
from calibration.score_command import _show
from sim.cli.main import call

SCORES = pd.DataFrame(
    {
        "part": ["break", "ordinary"] * 2,
        "target": ["us_border_patrol", "darien"] * 2,
        "scale": ["natural", "natural", "log1p", "log1p"],
        "cells": [345, 590] * 2,
        "wis": [4470.4, 1382.8, 0.426, 0.341],
        "best_naive": ["last_value", "arima", "last_value_log", "seasonal_naive"],
        "wis_naive": [4846.0, 1703.2, 0.469, 0.398],
        "relative_wis": [0.9225, 0.8119, 0.908, float("nan")],
        "geometric": [0.98, 1.0, 0.9, 0.8],
        "coverage90": [0.859, 0.92, 0.86, 0.92],
        "scenario": ["known_rules"] * 2 + ["history/to_present"] * 2,
    }
)


def shown(lang: str, width: int = 80) -> str:
    console = Console(width=width, record=True, file=None, highlight=False)
    with console.capture() as captured:
        _show(SCORES, "by_target", console, lang)
    return captured.get()


@pytest.mark.parametrize("lang", ["en", "es"])
def test_scores_fit_into_eighty_columns_without_a_cut_word(lang: str) -> None:
    text = shown(lang)
    assert "…" not in text
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    assert "known_rules" not in text
    assert "last_value" not in text


def test_scores_are_in_the_readers_words_and_numbers() -> None:
    text = " ".join(shown("es", 140).split())
    for word in (
        "Por frontera",
        "EE. UU. entre puertos",
        "reglas conocidas entonces",
        "último (log)",
        "4 470",
        "0,922",
    ):
        assert word.replace("4 470", "4\u00a0470").replace("\u00a0", " ") in text.replace("\u00a0", " "), word
    assert "cells" not in text
    assert "celdas" in text, "a wide terminal shows every column"
    assert "celdas" not in shown("es", 80)
    assert "last (log)" in shown("en", 140)


def test_every_heading_of_the_scores_has_its_words() -> None:
    assert [name for name in SCORES.columns if f"column_{name}" not in table()] == []


def test_what_is_no_number_is_left_empty() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(in_a_table(pd.DataFrame({"value": [float("nan"), 1234.5, 0.25]}), "es"))
    lines = [line.strip(" ") for line in captured.get().split("\n") if line.strip(" ")]
    assert lines == ["valor", "1\u00a0234", "0,250"]


def test_a_language_without_words_is_refused_before_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["calibrate", "--lang", "fr"]) == 2
    assert "en or es" in capsys.readouterr().err

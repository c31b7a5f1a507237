"""The diagnostics report says the same in English and in Spanish, completely, and numbers as each language writes them."""

from __future__ import annotations

import html
import re
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.calibrate import FitResult
from calibration.config import read_config, shipped_config
from calibration.marginal import find_marginal_mode
from calibration.posterior import Importance, directions, profile
from calibration.report import write_report
from calibration.report_words import column, combination, name_of, phrase, rule_in_words, table
from sim.errors import DataError
from sim.spec import load_scenario
from tests.calibration_fixture import a_posterior

SAME_IN_BOTH = {
    "border_colombia",
    "border_costa_rica",
    "border_darien",
    "border_guatemala",
    "border_honduras",
    "border_nicaragua",
    "border_san_andres",
    "column_crps",
    "column_wis",
    "kind_USD",
    "kind_km",
    "licence_CC BY 4.0",
    "model_arima",
    "model_travesia",
    "no",
    "say_took",
}


@pytest.fixture(scope="module")
def result() -> FitResult:
    posterior = a_posterior(darien=False)
    mode, normal = find_marginal_mode(posterior)
    k = posterior.n_rows + 1
    at = normal.theta[k] + np.array([-0.1, 0.0, 0.1])
    profiles = {"detection_honduras": (at, profile(posterior, normal.theta, 1, at))}
    withheld = pd.DataFrame(
        [
            ("mexico", 660, 1234.5, 1300.25, 0.949, "Darién x 0.5, lag 1, spread 0.25")
            + (1500.5, 0.823, "Darién x 0.75, lag 2, past changes", 0.62)
        ],
        columns=["border", "cells", "wis", "naive_wis", "relative_wis", "rule"]
        + ["blind_wis", "blind_relative_wis", "blind_rule", "coverage90"],
    )
    return FitResult(
        config=replace(read_config(shipped_config("withheld")), name="tiny"),
        scenario=load_scenario("history/baseline"),
        posterior=posterior,
        mode=mode,
        normal=normal,
        directions=directions(posterior, normal.theta),
        importance=Importance(np.zeros((1, 1)), np.ones(1), 0.4321, 55.0),
        profiles=profiles,
        ratios=[0.12, 0.05],
        withheld=withheld,
    )


def page(result: FitResult, folder: Path, lang: str) -> str:
    write_report(result, folder / "report.html", lang)
    text = (folder / "report.html").read_text(encoding="utf-8")
    return html.unescape(re.sub(r"data:image/png;base64,[^\"]*", "", text))


def test_every_phrase_has_both_languages_and_the_same_blanks() -> None:
    for key, row in table().items():
        blanks = [
            {name for _, name, _, _ in string.Formatter().parse(row[lang]) if name} for lang in ("en", "es")
        ]
        assert row["en"], key
        assert row["es"], key
        assert blanks[0] == blanks[1], key
        assert (row["en"] == row["es"]) == (key in SAME_IN_BOTH), key


def test_a_page_holds_no_word_of_the_other_language(result: FitResult, tmp_path: Path) -> None:
    pages = {lang: page(result, tmp_path, lang) for lang in ("en", "es")}
    assert '<html lang="es">' in pages["es"]
    for key, row in table().items():
        for own, other in (("en", "es"), ("es", "en")):
            foreign = row[other].partition("{")[0].strip()
            # one word may be part of a name; a phrase of two words or more is not
            if key in SAME_IN_BOTH or " " not in foreign or row[own].partition("{")[0].strip() in foreign:
                continue
            assert foreign not in pages[own], (key, own)


def test_the_page_says_what_the_fit_says(result: FitResult, tmp_path: Path) -> None:
    pages = {lang: page(result, tmp_path, lang) for lang in ("en", "es")}
    assert "0.43" in pages["en"]
    assert "12%, then 5%" in pages["en"]
    assert "0,43" in pages["es"]
    assert "12\u00a0%, luego 5\u00a0%" in pages["es"]
    assert "Darién × 0,5, desfase 1, dispersión 0,25" in pages["es"]
    assert "Darién × 0,75, desfase 2, cambios pasados" in pages["es"]
    assert "detección en el Darién" in pages["es"]
    assert "detection_darien" not in pages["es"]
    assert "salidas de Venezuela por el Darién" in pages["es"]
    assert len(re.findall("<tr>", pages["en"])) == len(re.findall("<tr>", pages["es"]))
    assert "1,234" in pages["en"] or "1,235" in pages["en"]
    assert "1\u00a0234" in pages["es"] or "1\u00a0235" in pages["es"]


def test_names_and_combinations_in_words() -> None:
    assert name_of("parameter", "dispersion us_ports VEN", "es") == "dispersión Puertos de EE. UU. Venezuela"
    assert name_of("border", "my_border", "es") == "my_border"
    assert combination(["detection_darien"], [], "en") == "raising detection Darién"
    assert combination(["detection_darien"], ["detection_honduras"], "es") == (
        "subir detección en el Darién y a la vez bajar detección en Honduras"
    )
    assert rule_in_words("another rule", "es") == "another rule"
    assert column("nobody knows it", "es") == "nobody knows it"
    with pytest.raises(KeyError):
        phrase("not there", "en")
    with pytest.raises(DataError):
        phrase("verdict", "fr")

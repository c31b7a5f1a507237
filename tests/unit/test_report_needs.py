"""Needs figures, all figures of a run at once, and the two commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from typer.testing import CliRunner

import sim.results
from sim.cli import brief_command, plot_command
from sim.errors import DataError
from sim.needs import Needs, estimate
from sim.needs.labels import label
from sim.report import (
    KINDS,
    Plots,
    arrangements,
    coordination_matrix,
    needs_by_sector,
    plot_all,
    plots_for,
    upstream_pipeline,
)
from sim.report.needs_access import funding_of, mechanism_roles, sector_table
from sim.report.words import LANGUAGES
from tests.report_fixture import SyntheticRun, make_run
from tests.unit.test_report_figures import words_in


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return make_run(replicates=2, months=8)


@pytest.fixture(scope="module")
def needs(run: SyntheticRun) -> dict[str, Needs]:
    return {lang: estimate(run, lang=lang) for lang in LANGUAGES}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("country", [None, "PAN", "HND"])
@pytest.mark.parametrize("draw", [needs_by_sector, coordination_matrix, upstream_pipeline])
def test_needs_figures_show_their_table(
    draw: Any,  # noqa: ANN401
    country: str | None,
    lang: str,
    run: SyntheticRun,
    needs: dict[str, Needs],  # noqa: ANN401
) -> None:
    figure, data = draw(run, country, lang=lang, needs=needs[lang])
    assert len(data)
    assert "history/baseline" in words_in(figure)


def test_sector_bars_are_the_published_people_in_need(run: SyntheticRun, needs: dict[str, Needs]) -> None:
    data = sector_table(needs["en"], "PAN", "2021-08").set_index("sector")
    table = needs["en"].table
    row = table[
        (table["location_code"] == "PAN")
        & (table["sector_code"] == "WSH")
        & (table["population_status"] == "INN")
        & (table["measure"] == "unique_people")
        & (table["gender"] == "all")
        & (table["period"] == "month")
        & (pd.to_datetime(table["reference_period_start"]) == "2021-08-01")
    ]
    assert len(row) == 1
    water = {name: float(data[name]["WSH"]) for name in ("low", "middle", "high", "usd", "gap")}
    assert water["middle"] == row["middle"].iloc[0]
    assert water["low"] <= water["middle"] <= water["high"]
    assert water["usd"] > water["gap"]
    assert np.isnan(data["middle"]["PRO-HTS"])


def test_funding_follows_the_year() -> None:
    assert [funding_of(f"{year}-01") for year in (2020, 2023, 2026)] == ["as_2019", "as_2023", "as_2025"]


def test_roles_prefer_the_lead() -> None:
    rows = pd.DataFrame(
        [("WSH", "R4V, a platform", "REDLAC [policy]; MIRPS"), ("WSH", "", "R4V, a platform")],
        columns=["sector_code", "lead_mechanism", "others"],
    )
    names, roles = mechanism_roles(rows)
    assert names[0] == "R4V"
    assert roles["WSH"] == {"R4V": "leads", "REDLAC": "member", "MIRPS": "member"}


def test_countries_without_people_say_so(run: SyntheticRun, needs: dict[str, Needs]) -> None:
    for draw in (needs_by_sector, coordination_matrix, upstream_pipeline):
        figure, data = draw(run, "XXX", lang="es", needs=needs["es"])
        assert data.empty
        assert len(words_in(figure)) > 60


def test_plot_all_writes_each_figure_with_its_table(run: SyntheticRun, tmp_path: Path) -> None:
    written = plot_all(run, tmp_path, ["crossings", "where", "policies"], "es")
    assert {path.name for path in written} == {
        f"{kind}.{ending}" for kind in ("crossings", "where", "policies") for ending in ("png", "csv")
    }
    assert all(path.stat().st_size > 0 for path in written)
    with pytest.raises(DataError, match="crossings"):
        plot_all(run, tmp_path, ["crosings"])


def test_every_kind_has_a_drawer(run: SyntheticRun) -> None:
    from sim.report.plots import drawers

    assert set(drawers(run, "en")) | {"animation"} == set(KINDS)
    assert isinstance(plots_for(run), Plots)


@pytest.fixture
def opened(run: SyntheticRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim.results, "open_run", lambda _: run)


@pytest.mark.usefixtures("opened")
def test_the_plot_command_names_what_it_wrote(tmp_path: Path) -> None:
    done = CliRunner().invoke(plot_command.app, [str(tmp_path), "policies", "--lang", "es"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "plots" / "policies.png").is_file()
    assert "policies.png" in done.output.replace("\n", "")


@pytest.mark.usefixtures("opened")
def test_the_brief_command_writes_both_forms(tmp_path: Path) -> None:
    for name in ("panama.pdf", "panama.html"):
        options = ["--country", "pan", "--lang", "es", "--out", str(tmp_path / name)]
        done = CliRunner().invoke(brief_command.app, [str(tmp_path), *options])
        assert done.exit_code == 0, done.output
        assert (tmp_path / name).stat().st_size > 10_000


@pytest.mark.parametrize("lang", LANGUAGES)
def test_three_arrangements_and_three_fundings_stand_in_one_figure(run: SyntheticRun, lang: str) -> None:
    figure, data = arrangements(run, lang)
    resources = [name for name in data["measure"].unique() if str(name).startswith("resource:")]
    drawn = [axes for axes in figure.axes if axes.patches]
    assert len(drawn) == len(resources) + 2
    assert all(axes.get_ylabel() for axes in drawn)
    water = data[(data["measure"] == "resource:water")]["middle"]
    panel = next(axes for axes in drawn if axes.get_ylabel() == label("unit", "litres", lang))
    assert sorted(bar.get_height() for bar in panel.patches if isinstance(bar, Rectangle)) == pytest.approx(
        sorted(water)
    )
    assert len(panel.patches) == 9
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(legend) == len(set(legend)) == 7

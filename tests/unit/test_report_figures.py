"""Figures show what the run holds, in two languages, and carry where they come from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from sim.errors import DataError, RunError
from sim.report import (
    animation,
    crossings,
    differences,
    leg_flows,
    people_by_country,
    policy_timeline,
    route_map,
    sankey,
    save,
    who_is_where,
)
from sim.report.frame import place_table
from sim.report.geography import rings
from sim.report.style import HATCHES
from sim.report.words import LANGUAGES, number, table
from tests.report_fixture import SyntheticRun, make_run


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return make_run(replicates=3, months=30)


def words_in(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_every_phrase_has_both_languages_and_the_same_values() -> None:
    for key, row in table().items():
        assert row["en"].strip(), key
        assert row["es"].strip(), key
        assert set(re.findall(r"{\w+}", row["en"])) == set(re.findall(r"{\w+}", row["es"])), key


@pytest.mark.parametrize(
    ("value", "english", "spanish"),
    [(1234567.0, "1,234,567", "1\u00a0234\u00a0567"), (-12.5, "−12.5", "−12,5")],
)
def test_numbers_are_written_as_the_language_does(value: float, english: str, spanish: str) -> None:
    digits = 1 if value < 0 else 0
    assert number(value, "en", digits) == english
    assert number(value, "es", digits) == spanish


def test_crossings_draw_the_median_the_bands_and_the_observed_points(run: SyntheticRun) -> None:
    figure, data = crossings(run, "darien")
    everyone = run.summary[(run.summary["border"] == "darien") & (run.summary["nationality"] == "ALL")]
    panel = figure.axes[0]
    median, observed = panel.lines[0].get_ydata(), panel.lines[1].get_ydata()
    assert np.allclose(np.asarray(median, dtype=float), everyone["median"])
    assert np.allclose(np.asarray(observed, dtype=float), everyone["observed"].dropna())
    assert len([c for c in panel.collections if isinstance(c, FillBetweenPolyCollection)]) == 2
    assert panel.get_ylabel() == "persons per month"
    assert set(data["border"]) == {"darien"}
    assert "encounters" in words_in(crossings(run)[0])


def test_crossings_refuse_an_unknown_border_and_name_the_known_ones(run: SyntheticRun) -> None:
    with pytest.raises(DataError, match="darien"):
        crossings(run, "dairen")


def test_one_replicate_claims_no_interval() -> None:
    alone = make_run(replicates=1, months=6)
    figure, _ = crossings(alone)
    assert "no interval" in words_in(figure)
    assert not figure.axes[0].collections


def test_map_widths_are_the_persons_of_the_period(run: SyntheticRun) -> None:
    _, data = route_map(run, "2022-03")
    part = run.flows[run.flows["period_start"] == "2022-03-01"]
    true = part[part["to_place"] == "danli"].groupby("replicate")["persons"].sum().median()
    drawn = float(data.loc[data["to_place"] == "danli", "median"].iloc[0])
    assert drawn == pytest.approx(true, rel=0.02)  # rounded for publication


def test_map_over_the_window_shows_the_monthly_mean(run: SyntheticRun) -> None:
    whole, month = leg_flows(run), leg_flows(run, "2021-05/2021-05")
    assert set(whole["months"]) == {30}
    assert set(month["months"]) == {1}


def test_irregular_points_are_rounded_and_never_named(run: SyntheticRun) -> None:
    places = place_table(run)
    assert places.loc["come-gallina", "lat"] == 8.4
    figure, data = route_map(run)
    rows = data[data["to_place"] == "come-gallina"]
    assert rows["to_lat"].eq(8.4).all()
    assert rows["to_lon"].eq(-77.5).all()
    assert "Come Gallina" not in words_in(figure)


def test_small_flows_are_not_published() -> None:
    few = make_run(replicates=2, months=3)
    quiet = few.flows[few.flows["from_place"] == "quito"].index
    flows = few.flows.copy()
    flows.loc[quiet, "persons"] = 0
    flows.loc[quiet[0], "persons"] = 9
    _, data = route_map(replace(few, flows=flows), "2021-01")
    assert "quito" not in set(data["from_place"])
    numbers = data["median"]
    assert (numbers % 10 == 0).all()
    assert (numbers >= 15).all()


def test_every_country_on_the_map_has_closed_land() -> None:
    land = rings("region")
    assert {"PAN", "COL", "CRI", "HND", "MEX", "USA", "VEN", "HTI"} <= set(land)
    assert {"PAN", "COL"} <= set(rings("darien"))


def test_who_is_where_adds_up_to_the_total(run: SyntheticRun) -> None:
    data = people_by_country(run)
    one = data[data["month"] == pd.Timestamp("2022-06-01")].set_index("country")
    stocks = run.stocks[run.stocks["period_start"] == "2022-06-01"]
    true = (stocks.groupby("replicate")["person_days"].sum() / 30).median()
    assert one.loc["ALL", "median"] == pytest.approx(true)
    assert one.drop("ALL")["median"].sum() == pytest.approx(true, rel=0.03)


def test_areas_differ_in_black_and_white(run: SyntheticRun) -> None:
    figure, _ = who_is_where(run)
    hatches = [area.get_hatch() for area in figure.axes[0].collections]
    assert len(set(hatches)) == len(hatches)
    assert len(set(HATCHES)) == len(HATCHES)


def test_outcomes_add_up_to_departures(run: SyntheticRun) -> None:
    _, data = sankey(run, "es")
    sums = data.groupby("stage")["median"].sum()
    assert sums["nationality"] == pytest.approx(sums["departure"], rel=0.01)
    assert sums["outcome"] == pytest.approx(sums["departure"], rel=0.01)


def test_differences_are_paired_by_replicate(run: SyntheticRun) -> None:
    more = make_run(replicates=3, months=30, name="what_if/more", factor=1.25)
    _, data = differences(run, more)
    darien = data[(data["border"] == "darien") & data["month"].notna()].set_index("month")
    assert (darien.loc[: pd.Timestamp("2022-10-01"), "median"].abs() < 100).all()
    assert float(darien["lo90"][pd.Timestamp("2023-03-01")]) > 0
    assert darien.loc[pd.Timestamp("2023-03-01"), "share_of_base"] == pytest.approx(0.25, abs=0.03)
    same, _ = differences(run, run)
    assert "no difference" in words_in(same)


def test_a_world_without_borders_says_so(run: SyntheticRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scenarios of a world of one's own, which counts no crossings, are compared without a fault."""
    columns = ["border", "replicate", "month", "persons"]
    monkeypatch.setattr(
        "sim.report.figures.differences.counts_of", lambda _: pd.DataFrame(columns=columns, dtype=object)
    )
    figure, data = differences(run, run)
    assert data.empty
    assert "counts no border" in words_in(figure)


def test_runs_of_different_size_cannot_be_compared(run: SyntheticRun) -> None:
    with pytest.raises(RunError, match="replicates"):
        differences(run, make_run(replicates=2, months=30))


def test_policies_outside_the_window_are_left_out(run: SyntheticRun) -> None:
    figure, data = policy_timeline(run, "es")
    assert "pan-buses" not in set(data["policy"])
    assert "México: visado para venezolanos" in words_in(figure)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("draw", [crossings, route_map, who_is_where, sankey, policy_timeline])
def test_every_figure_says_it_is_a_scenario(draw, lang: str, run: SyntheticRun) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    figure, data = draw(run, lang=lang)
    words = words_in(figure)
    assert "history/baseline" in words
    assert "0.1.0" in words
    assert ("simulación" in words) == (lang == "es")
    assert len(data)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_to_show_is_a_sentence(lang: str, run: SyntheticRun) -> None:
    bare = replace(
        run,
        flows=run.flows.iloc[:0],
        stocks=run.stocks.iloc[:0],
        outcomes=run.outcomes.iloc[:0],
        departures=run.departures.iloc[:0],
        summary=run.summary.iloc[:0],
        scenario=SimpleNamespace(**{**vars(run.scenario), "policies": []}),
    )
    for draw in (crossings, route_map, who_is_where, sankey, policy_timeline):
        figure, data = draw(bare, lang=lang)
        assert data.empty
        assert len(words_in(figure)) > 60


def test_an_unknown_language_is_refused(run: SyntheticRun) -> None:
    with pytest.raises(DataError, match="en or es"):
        crossings(run, lang="pt")


def test_files_carry_their_origin(run: SyntheticRun, tmp_path: Path) -> None:
    figure, _ = crossings(run, "honduras")
    png = save(figure, tmp_path / "c.png", run)
    with Image.open(png) as picture:
        assert "seed=1" in picture.info["Description"]
        assert picture.info["Software"] == "Travesía 0.1.0"
    assert "seed=1" in save(figure, tmp_path / "c.svg", run).read_text(encoding="utf-8")
    assert save(figure, tmp_path / "c.pdf", run).read_bytes().startswith(b"%PDF")
    with pytest.raises(DataError, match="png"):
        save(figure, tmp_path / "c.bmp", run)


def test_animation_has_a_frame_for_each_month(tmp_path: Path) -> None:
    short = make_run(replicates=2, months=3)
    path, data = animation(short, tmp_path / "map.gif", "es")
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == 3
        assert b"seed=1" in picture.info["comment"]
    assert data["month"].nunique() == 3
    assert path.stat().st_size < 400_000

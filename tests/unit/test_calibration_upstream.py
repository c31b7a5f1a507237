"""People counted in the Darién are those who walk on, and the spread of a border is learnt before the window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from calibration.apart import Apart, apart_before, land_only
from calibration.config import read_config, shipped_config
from calibration.likelihood import Counts, Posterior
from calibration.upstream import Upstream, nationality_phi
from tests.calibration_fixture import GROUPS, MONTHS, STRANDS, a_posterior, a_response

HONDURAS = (1,)


def fitted_on_the_darien() -> Posterior:
    made = a_posterior()
    windows = [w for w in made.counts.windows if w.border == "darien"]
    return Posterior(made.response, Counts.arrange(windows, made.response), made.priors)


def test_first_out_is_first_through() -> None:
    """Of a departure seven ninths pass the Darién at once and half reach Honduras at once: those were among the first."""
    response = a_response()
    links = Upstream.of(response, HONDURAS)
    line = np.repeat(np.arange(response.matrix.shape[0]), np.diff(response.matrix.indptr))
    second = [k for k in range(len(links.entry)) if response.matrix.indices[links.entry[k]] == 0]
    cells = {(int(line[links.entry[k]]) % len(MONTHS), int(links.month[k])): links.share[k] for k in second}
    assert cells[0, 0] == pytest.approx(1.0)
    assert cells[1, 0] == pytest.approx((7 / 9 - 1 / 2) / (1 / 2))
    assert cells[1, 1] == pytest.approx((2 / 9) / (1 / 2))
    assert (0, 1) not in cells


def test_no_more_come_from_the_darien_than_passed_it() -> None:
    response = a_response()
    twice = response.matrix.toarray()
    twice[: len(GROUPS) * len(MONTHS)] *= 0.25  # a quarter of before in the Darién: 0.225 of each departure
    links = Upstream.of(replace(response, matrix=csr_matrix(twice)), HONDURAS)
    own = np.bincount(links.entry, links.share, minlength=len(links.rest))
    later = own > 0.0
    full = links.own_month[later] < len(MONTHS) - 2
    np.testing.assert_allclose(own[later][full], 0.225 / 0.8, rtol=1e-9)
    np.testing.assert_allclose(own + links.rest, 1.0)


def test_more_counted_than_expected_means_more_who_walk_on() -> None:
    posterior = fitted_on_the_darien()
    theta, rng = posterior.start(), np.random.default_rng(1)
    links = Upstream.of(posterior.response, HONDURAS)
    g, m = GROUPS.index("VEN"), 10
    expected = posterior.expected(theta)
    at = next(
        i
        for i, w in enumerate(posterior.counts.windows)
        if w.groups == ("VEN",) and w.months[0][0] == MONTHS[m]
    )
    counts = posterior.counts.observed
    made = np.mean([links.multipliers(posterior, theta, rng)[g, m] for _ in range(200)])
    phi = nationality_phi(posterior, posterior.split(theta)[2])[g]
    assert made == pytest.approx((1 / phi + counts[at]) / (1 / phi + expected[at]), rel=0.01)
    known = np.ones((len(GROUPS), len(MONTHS)))
    known[g, m] = 2.0
    persons = posterior.response.start
    before = posterior.response.crossings(persons)
    after = np.asarray(links.carried(posterior.response, known, np.ones_like(known)) @ persons).reshape(
        before.shape
    )
    np.testing.assert_allclose(after[1, g, m] / before[1, g, m], 1 + 0.5 + 0.5 * 4 / 9)
    np.testing.assert_allclose(after[1, g, m + 1] / before[1, g, m + 1], 1 + 0.5 * 5 / 9)
    np.testing.assert_allclose(after[1, 1 - g], before[1, 1 - g])


LAND = ("GTM", "HND", "NIC", "SLV", "HTI", "IND", "CHN", "DOM")


def counted_before(inside: float = 1.0) -> tuple[dict[str, pd.DataFrame], Apart]:
    """Years before the window with known spreads; counts from 2022 on are multiplied by `inside`."""
    rng = np.random.default_rng(5)
    true = Apart(0.3, 0.4, 0.2)
    by_group = true.nationalities * rng.standard_normal(len(LAND))
    rows = []
    for month in pd.period_range("2010-01", "2022-06", freq="M").astype(str):
        shared = true.months * rng.standard_normal()
        for g, own in zip(LAND, by_group, strict=True):
            rate = 0.1 * np.exp(shared + own + true.both * rng.standard_normal())
            seen = 50_000.0 * rate / (1.0 - rate) * (inside if month >= "2022" else 1.0)
            rows.append((month, g, round(seen), 50_000.0))
    table = pd.DataFrame(rows, columns=["month", "nationality", "here", "north"]).assign(confidence="exact")
    both = {
        "mexico": table.assign(persons=table["here"]),
        "us_southwest": table.assign(persons=table["north"]),
    }
    return both, replace(true, nationalities=float(by_group.std(ddof=1)))


def test_the_spread_before_the_window_is_found_and_the_window_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = read_config(shipped_config("withheld"))
    detection = tuple((n, 1.0, 1.0, 1.0) if "between" in n else (n, *r) for n, *r in shipped.detection)
    config = replace(shipped, start="2022-01", detection=detection)  # type: ignore[arg-type]
    tables, true = counted_before()
    monkeypatch.setattr("calibration.apart.border_rows", lambda _, border: tables[border])
    found = apart_before(config, "mexico", LAND)
    assert found is not None
    assert found.months == pytest.approx(true.months, rel=0.15)
    assert found.nationalities == pytest.approx(true.nationalities, rel=0.1)
    assert found.both == pytest.approx(true.both, rel=0.1)
    tables = counted_before(inside=7.0)[0]
    assert apart_before(config, "mexico", LAND) == found
    assert apart_before(replace(config, start="2022-07"), "mexico", LAND) != found  # now they are before it
    assert apart_before(config, "mexico", LAND[:3]) is None


def test_who_flies_is_not_among_those_who_come_by_land() -> None:
    response = a_response()
    block = len(GROUPS) * len(MONTHS)
    table = response.matrix.toarray()
    flown = table[block:].copy()
    flown[len(MONTHS) :] *= 0.05  # Venezuelans also fly
    flown[: len(MONTHS)] *= 0.005  # Ecuadorians hardly do
    both = replace(
        response, strands=(*STRANDS, ("honduras", "by_air")), matrix=csr_matrix(np.vstack([table, flown]))
    )
    assert land_only(both, (1, 2)) == ("ECU",)

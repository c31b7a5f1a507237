"""A tiny route for calibration tests: two groups, two borders, people cross in the month they leave or the next."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix

from calibration.likelihood import Counts, Posterior, Priors, Window
from calibration.response import Response

MONTHS = tuple(f"{2022 + i // 12}-{i % 12 + 1:02d}" for i in range(24))
GROUPS = ("ECU", "VEN")
STRANDS = (("darien", "detection_darien"), ("honduras", "detection_honduras"))


def a_response() -> Response:
    rows = tuple((g, "darien", m) for g in GROUPS for m in MONTHS)
    entries = []
    for column, (g, _, m) in enumerate(rows):
        begin = MONTHS.index(m)
        for s, shares in enumerate(((0.7, 0.2), (0.4, 0.4))):
            for lag, share in enumerate(shares):
                if begin + lag < len(MONTHS):
                    at = (s * len(GROUPS) + GROUPS.index(g)) * len(MONTHS) + begin + lag
                    entries.append((at, column, share))
    i, j, value = (np.array(x) for x in zip(*entries, strict=True))
    shape = (len(STRANDS) * len(GROUPS) * len(MONTHS), len(rows))
    return Response(
        STRANDS,
        GROUPS,
        MONTHS,
        rows,
        np.full(len(rows), 5000.0),
        coo_matrix((value, (i, j)), shape=shape).tocsr(),
    )


def a_posterior(
    *, darien: bool = True, free_darien: tuple[float, float] = (0.9, 1.0), bound: bool = False
) -> Posterior:
    response = a_response()
    rng = np.random.default_rng(3)
    windows = []
    for border, rate in (("darien", 0.95), ("honduras", 0.75)):
        if border == "darien" and not darien:
            continue
        for g in GROUPS:
            for k, m in enumerate(MONTHS):
                count = float(
                    rng.poisson(rate * 4000.0 * np.exp(0.4 * np.sin(k / 4.0)) * rng.gamma(20.0, 0.05))
                )
                windows.append(Window(border, (g,), ((m, 1.0),), count, bound and k == 5))
    low, high = free_darien
    detection = (("detection_darien", 0.5 * (low + high), low, high), ("detection_honduras", 0.75, 0.6, 0.9))
    priors = Priors(detection, 0.35, np.log(response.start))
    return Posterior(response, Counts.arrange(windows, response), priors)

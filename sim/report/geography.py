"""The shipped borders: a scale enters, rings of longitude and latitude by country leave. No network."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["DARIEN_BOX", "REGION_BOX", "rings"]

FloatArray = npt.NDArray[np.float64]

#: West, south, east, north in degrees.
REGION_BOX: Final = (-119.5, -17.5, -58.0, 35.5)
DARIEN_BOX: Final = (-80.1, 7.15, -76.35, 9.9)

FILES: Final = {"region": "borders_50m.json", "darien": "borders_darien_10m.json"}


@cache
def rings(scale: Literal["region", "darien"] = "region") -> dict[str, tuple[FloatArray, ...]]:
    """Border rings by country code.

    Parameters
    ----------
    scale : {"region", "darien"}
        The whole corridor at 1:50m, or the Darién at 1:10m.

    Returns
    -------
    dict of str to tuple of float64[:, 2]
        Closed rings, columns longitude and latitude in degrees.
    """
    text = files("sim.report").joinpath("assets", FILES[scale]).read_text(encoding="utf-8")
    countries: dict[str, list[list[list[float]]]] = json.loads(text)["countries"]
    return {
        code: tuple(np.asarray(ring, dtype=np.float64) for ring in parts) for code, parts in countries.items()
    }

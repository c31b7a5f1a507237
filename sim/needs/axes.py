"""The fixed axes of needs arrays: a code in, its position, and back out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.needs.tables import table

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "AGES",
    "ALL",
    "AT_HOME",
    "CELLS",
    "CLASSES",
    "DEMOGRAPHY",
    "FILTERS",
    "POPULATIONS",
    "REGION",
    "SEXES",
    "STAGES",
    "filter_matrix",
    "nationality_class",
    "population_matrix",
    "stage_matrix",
]

ALL: Final = "all"
REGION: Final = "REG"
SEXES: Final = ("female", "male")
AGES: Final = ("0-4", "5-11", "12-17", "18-59", "60+")
#: sex and age of each demographic cell, in the order of the last array axis
DEMOGRAPHY: Final = tuple((sex, age) for sex in SEXES for age in AGES)
STAGES: Final = ("origin", "transit", "destination", "return", "settled")
#: stage and population group of each disjoint cell
CELLS: Final = (
    ("origin", "X-DEP"),
    ("origin", "X-HOM"),
    ("transit", "X-MOV"),
    ("transit", "X-WAI"),
    ("transit", "X-STR"),
    ("destination", "X-ARR"),
    ("return", "X-MOV"),
    ("return", "X-WAI"),
    ("return", "X-STR"),
    ("return", "RET"),
    ("settled", "X-SET"),
)
#: people who wait at home for a regular way or for means: they have not left
AT_HOME: Final = "X-HOM"
#: the only use of nationality: what mandates cover, and which languages are spoken
CLASSES: Final = ("venezuela", "other", "extra_continental")
_EXTRA_CONTINENTAL: Final = frozenset(
    {"AFR", "ASI", "CHN", "IND", "OTH", "SEN", "CMR", "SOM", "BGD", "AFG", "NPL"}
)
_AGES_OF: Final = {
    "all": AGES,
    "children_0_4": ("0-4",),
    "children_0_17": ("0-4", "5-11", "12-17"),
    "children_5_17": ("5-11", "12-17"),
    "women_12_59": ("12-17", "18-59"),
    "extra_continental": AGES,
}
FILTERS: Final = tuple(_AGES_OF)
POPULATIONS: Final = (
    "ven_transit",
    "other_transit",
    "returning",
    "returnees",
    "departing",
    "ven_settled",
    "other_settled",
    "host",
)


def nationality_class(nationality: str) -> int:
    """Position in ``CLASSES`` of a nationality group."""
    if nationality == "VEN":
        return 0
    return 2 if nationality in _EXTRA_CONTINENTAL else 1


def filter_matrix() -> NDArray[np.float64]:
    """Which (class, demography) cells each people filter keeps.

    Float64, shape (filters, classes, demography).
    """
    out = np.zeros((len(FILTERS), len(CLASSES), len(DEMOGRAPHY)))
    for position, name in enumerate(FILTERS):
        for column, (sex, age) in enumerate(DEMOGRAPHY):
            if age in _AGES_OF[name] and not (name == "women_12_59" and sex != "female"):
                out[position, :, column] = 1.0
    out[FILTERS.index("extra_continental"), :2, :] = 0.0
    return out


def stage_matrix() -> NDArray[np.float64]:
    """Which cells belong to which stage; float64, shape (stages, cells).

    People who wait at home are left out: no standard for people on the way multiplies them.
    """
    return np.array([[float(stage == s and group != AT_HOME) for s, group in CELLS] for stage in STAGES])


def population_matrix() -> NDArray[np.float64]:
    """Which (cell, class) belongs to which population of a mandate.

    Float64, shape (populations, cells, classes).
    """
    rows = table("populations").set_index("id")
    out = np.zeros((len(POPULATIONS), len(CELLS), len(CLASSES)))
    for position, name in enumerate(POPULATIONS):
        row = rows.loc[name]
        stages, groups = str(row["stages"]).split(";"), str(row["groups"]).split(";")
        classes = (
            CLASSES if row["nationality_class"] == "*" else tuple(str(row["nationality_class"]).split(";"))
        )
        for q, (stage, group) in enumerate(CELLS):
            for k, name_of_class in enumerate(CLASSES):
                if stage in stages and group in groups and name_of_class in classes:
                    out[position, q, k] = 1.0
    return out

"""The world of a scenario: tables or an inline mapping enter, places, legs, groups and their terms leave."""

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from sim.spec.base import Country, FrozenMap, Identifier, Number, Quantity, Share, Strict
from sim.spec.distributions import Distribution

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "Border",
    "BorderExclusion",
    "Group",
    "Leg",
    "LegAttraction",
    "Parameter",
    "Place",
    "Profile",
    "Season",
    "SettleAttraction",
    "World",
]

Confidence = Literal["seen", "derived", "assumption", ""]
Role = Literal["origin", "transit", "crossing", "reception", "destination"]
Mode = Literal[
    "foot", "jungle", "bus", "boat", "air", "train", "car", "removal_flight", "port", "air_regular"
]
Direction = Literal["northward", "southward", "lateral", "return"]
Unit = Literal["alone", "family", "unaccompanied"]


def split_list(value: object) -> object:
    """A table cell holds a list with semicolons."""
    return (
        tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value
    )


Listed = Annotated[tuple[str, ...], BeforeValidator(split_list)]


class Place(Strict):
    """Where people stay: an origin, a transit hub, a crossing, a reception centre or a destination.

    Parameters
    ----------
    id, name, country, admin1 : str
        `country` is an ISO 3166 code of three letters.
    lat, lon : float, optional
        Degrees.
    irregular : bool
        A trail or an irregular crossing; coordinates are rounded to a tenth of a degree.
    role : str
        Arriving at a `destination` is the outcome ``arrived``.
    stay : Distribution, optional
        Days between arrival and leaving; none means no stay.
    capacity_persons : float, optional
        Hard maximum of people present.
    reception_capacity_persons : float, optional
        Places in reception services; informs needs only.
    settle_weight : float
        Weight of settling for good, beside the weights of the legs.
    daily_cost_usd, income_usd_per_day : float
        USD per person and day.
    """

    id: Identifier
    name: str = ""
    country: Country
    admin1: str = ""
    lat: Annotated[Number, Field(ge=-90, le=90)] | None = None
    lon: Annotated[Number, Field(ge=-180, le=180)] | None = None
    irregular: bool = False
    role: Role
    roles_all: Listed = ()
    stay: Distribution | None = None
    capacity_persons: Quantity | None = None
    reception_capacity_persons: Quantity | None = None
    settle_weight: Quantity = 0.0
    daily_cost_usd: Quantity = 0.0
    income_usd_per_day: Quantity = 0.0
    services: Listed = ()
    source: str = ""
    source_ref: str = ""
    confidence: Confidence = ""
    stay_confidence: Confidence = ""
    note: str = ""


class Leg(Strict):
    """A directed way from one place to another.

    Parameters
    ----------
    id, from_, to, mode, direction : str
        `from_` is written ``from`` in files.
    distance_km : float, optional
        Kilometres.
    days : Distribution
        Days on the way.
    weight : float
        Attraction beside the other ways out of the same place, before costs, days and risks are weighed.
    cost_usd, cost_low_usd, cost_high_usd : float
        USD per person.
    capacity_per_day : float, optional
        Persons per day that can physically start.
    haz_robbed, haz_extorted, haz_kidnapped, haz_injured, haz_sexual_violence : float
        Share of people per crossing.
    deaths_per_100k : float
        Deaths and missing persons per 100,000 crossings.
    closed_by_default : bool
        Only a policy opens it.
    open_from, open_to : date, optional
        First and last day it exists.
    """

    id: Identifier
    from_: Identifier = Field(alias="from")
    to: Identifier
    mode: Mode = "bus"
    direction: Direction = "northward"
    distance_km: Quantity | None = None
    days: Distribution
    weight: Quantity = 1.0
    cost_usd: Quantity = 0.0
    cost_low_usd: Quantity | None = None
    cost_high_usd: Quantity | None = None
    capacity_per_day: Quantity | None = None
    haz_robbed: Share = 0.0
    haz_extorted: Share = 0.0
    haz_kidnapped: Share = 0.0
    haz_injured: Share = 0.0
    haz_sexual_violence: Share = 0.0
    deaths_per_100k: Annotated[Number, Field(ge=0, le=100_000)] = 0.0
    irregular: bool = False
    closed_by_default: bool = False
    season: str = ""
    open_from: date | None = None
    open_to: date | None = None
    source: str = ""
    source_ref: str = ""
    confidence: Confidence = ""
    note: str = ""

    @property
    def leads_back(self) -> bool:
        """Whether people who turn back can choose it: it leads south, and is no return leg on which people are only sent."""
        return self.direction == "southward" or (self.direction == "return" and not self.closed_by_default)


class Group(Strict):
    """A nationality group.

    Parameters
    ----------
    id : str
        ISO 3166 code, or AFR, ASI, OTH.
    home_country : str
        ISO 3166 code, blank for the collective groups.
    observed_names : tuple of str
        Spellings in the observed tables.
    means_median_usd, means_spread : float, optional
        Median USD at departure and standard deviation of the logarithm.
    """

    id: Identifier
    name_en: str = ""
    name_es: str = ""
    home_country: str = ""
    region: str = ""
    observed_names: Listed = ()
    means_median_usd: Quantity | None = None
    means_spread: Quantity | None = None
    source: str = ""
    source_ref: str = ""
    confidence: Confidence = ""
    note: str = ""


class LegAttraction(Strict):
    """What a group multiplies the weight of a leg by; 0 means it never goes there."""

    leg: Identifier
    group: Identifier
    weight: Quantity
    source: str = ""
    note: str = ""


class SettleAttraction(Strict):
    """What a group multiplies the settle weight of a place by; absent = 1."""

    place: Identifier
    group: Identifier
    weight: Quantity
    source: str = ""
    confidence: Confidence = ""
    note: str = ""


class BorderExclusion(Strict):
    """A group that a border's office does not count, or counts at another rate than the rest.

    Parameters
    ----------
    border, group : str
    share : float
        What the border's detection rate is multiplied by for this group; 0 = not counted at all.
    """

    border: Identifier
    group: Identifier
    share: Quantity = 0.0
    source: str = ""
    note: str = ""


class Profile(Strict):
    """One share of a group's make-up: travel units, sexes, ages or family sizes.

    Parameters
    ----------
    group : str
        Group id, or ALL.
    unit : str
        alone, family or unaccompanied; blank where the share is over all units.
    measure : str
        unit_share, female_share, age_share or family_size_share.
    key : str
        Age band or family size.
    value : float
        Share, 0 to 1.
    """

    group: Identifier
    unit: str = ""
    measure: str
    key: str = ""
    value: Share
    source: str = ""
    source_ref: str = ""
    confidence: Confidence = ""
    note: str = ""


class Season(Strict):
    """One month of a season: factors on the travel days and hazards of the legs that name it."""

    id: Identifier
    month: Annotated[int, Field(ge=1, le=12)]
    travel_factor: Quantity = 1.0
    hazard_factor: Quantity = 1.0
    source: str = ""
    source_ref: str = ""
    confidence: Confidence = ""
    note: str = ""


class Border(Strict):
    """A leg on which a border's crossings are counted (one row per leg)."""

    id: Identifier
    name_en: str = ""
    name_es: str = ""
    leg: Identifier
    count_kind: Literal["persons", "encounters"] = "persons"
    detection_parameter: str = ""
    observed_series: str = ""
    source: str = ""
    note: str = ""


class Parameter(Strict):
    """One row of the table that describes every parameter."""

    id: Identifier
    unit: str = ""
    default: Number
    low: Number | None = None
    high: Number | None = None
    source: str = ""
    source_ref: str = ""
    confidence: Confidence = ""
    description: str = ""
    used_by: str = ""
    note: str = ""


class World(Strict):
    """Places joined by legs, and who may travel them.

    Parameters
    ----------
    name : str
        Name of a folder under ``scenarios/world``, or ``inline``.
    places, legs, groups, attraction, settle_attraction, profiles, seasons, borders, border_exclusions,
    parameters : tuple
        The rows of its tables.
    home_places : mapping of str to str
        Group to the place where its returns and removals end.
    """

    name: str = "inline"
    places: tuple[Place, ...] = ()
    legs: tuple[Leg, ...] = ()
    groups: tuple[Group, ...] = ()
    attraction: tuple[LegAttraction, ...] = ()
    settle_attraction: tuple[SettleAttraction, ...] = ()
    profiles: tuple[Profile, ...] = ()
    home_places: FrozenMap[str, str] = FrozenMap()
    seasons: tuple[Season, ...] = ()
    borders: tuple[Border, ...] = ()
    border_exclusions: tuple[BorderExclusion, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @cached_property
    def places_by_id(self) -> dict[str, Place]:
        """Place of each id."""
        return {place.id: place for place in self.places}

    @cached_property
    def legs_by_id(self) -> dict[str, Leg]:
        """Leg of each id."""
        return {leg.id: leg for leg in self.legs}

    def place(self, place_id: str) -> Place:
        """The place of that id (KeyError if there is none)."""
        return self.places_by_id[place_id]

    def leg(self, leg_id: str) -> Leg:
        """The leg of that id (KeyError if there is none)."""
        return self.legs_by_id[leg_id]

    def graph(self) -> "nx.MultiDiGraph[str]":
        """Places as nodes, legs as edges keyed by their id, both carrying their model."""
        import networkx as nx

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for place in self.places:
            graph.add_node(place.id, place=place)
        for leg in self.legs:
            graph.add_edge(leg.from_, leg.to, key=leg.id, leg=leg)
        return graph

    def __repr__(self) -> str:
        return (
            f"World({self.name}: {len(self.places)} places, {len(self.legs)} legs, {len(self.groups)} groups)"
        )

    __str__ = __repr__

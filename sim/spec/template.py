"""A first file to edit, and the schema that editors check it with."""

from typing import Any, Final, Literal

from sim.spec.base import Identifier, Number, Sentence, Strict, Text
from sim.spec.policies import Policy
from sim.spec.scenario import Behaviour, Departure, ScenarioName, UnitShare, Window
from sim.spec.world import (
    Border,
    BorderExclusion,
    Group,
    Leg,
    LegAttraction,
    Parameter,
    Place,
    Profile,
    Season,
    SettleAttraction,
)

__all__ = ["json_schema", "template"]


class WorldFile(Strict):
    """A small world written in the scenario."""

    name: str = "inline"
    places: list[Place]
    legs: list[Leg]
    groups: list[Group] = []
    attraction: list[LegAttraction] = []
    settle_attraction: list[SettleAttraction] = []
    profiles: list[Profile] = []
    home_places: dict[str, str] = {}
    seasons: list[Season] = []
    borders: list[Border] = []
    border_exclusions: list[BorderExclusion] = []
    parameters: list[Parameter] = []


class Overrides(Strict):
    """Values that replace those of what is extended, by id."""

    places: dict[str, dict[str, Any]] = {}
    legs: dict[str, dict[str, Any]] = {}
    groups: dict[str, dict[str, Any]] = {}
    policies: dict[str, dict[str, Any]] = {}
    parameters: dict[str, Number] = {}


class ScenarioFile(Strict):
    """A scenario as a file holds it."""

    name: ScenarioName = ""
    title: Sentence | str = Text()
    description: Sentence | str = Text()
    extends: str = ""
    window: Window | None = None
    spin_up_start: str | None = None
    world: str | WorldFile = "americas"
    departures: Literal["world"] | list[Departure] = "world"
    policies: list[Identifier | Policy] = []
    drop_policies: list[Identifier] = []
    set: Overrides = Overrides()
    parameters: dict[str, Number] = {}
    behaviour: Behaviour = Behaviour()
    units: dict[Literal["alone", "family", "unaccompanied"], UnitShare] = {}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario file.

    Returns
    -------
    dict
        For editors; `load_scenario` checks more than a schema can say.
    """
    schema = ScenarioFile.model_json_schema(by_alias=True)
    for definition in schema.get("$defs", {}).values():
        for key in ("kind", "instrument"):
            if "const" in definition.get("properties", {}).get(key, {}):
                definition["required"] = sorted({*definition.get("required", []), key})
    heading = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Travesía scenario",
        "description": "A scenario file of Travesía; see 'travesia scenarios new' for a commented one.",
    }
    return heading | {key: value for key, value in schema.items() if key not in heading}


TEMPLATE: Final = {
    "en": """\
# A Travesía scenario. Check it with:   travesia scenarios validate {name}.yaml
# Run it with:                          travesia run {name}.yaml
name: {name}
title: {{en: "{name}", es: "{name}"}}
description:
  en: What happens here, and why it is worth asking.
  es: Qué ocurre aquí y por qué vale la pena preguntarlo.

# Everything comes from this scenario; what stands below changes it.
extends: {extends}

# First and last day reported, both included. Without it, the window of what is extended.
window: {{start: 2023-01-01, end: 2023-12-31}}

# Events or policies of the library to take away ('travesia scenarios show {extends}' lists them).
drop_policies: []

# Policies to add: an id of the library, or written in full. Dates are inclusive; no end means open.
policies:
  - id: trails_closed
    # closure capacity visa expulsion removal transfer pathway appointment
    # transport penalty announcement push regularisation hazard assistance return
    instrument: closure
    legs: [{leg}]
    start: 2023-06-01
    end: 2023-06-30
    size: 0.5                    # share closed; 1 = nobody passes
    phase_in_days: 7             # days until full strength
    effect_source: assumption

# Single values by id.
# set:
#   parameters: {{hazard_scale: 1.2}}
#   legs: {{{leg}: {{cost_usd: 120}}}}
#   policies: {{trails_closed: {{size: 0.8}}}}

# Behaviour can be switched off piece by piece.
# behaviour: {{information: false}}
""",
    "es": """\
# Un escenario de Travesía. Para revisarlo:   travesia scenarios validate {name}.yaml
# Para correrlo:                              travesia run {name}.yaml
name: {name}
title: {{en: "{name}", es: "{name}"}}
description:
  en: What happens here, and why it is worth asking.
  es: Qué ocurre aquí y por qué vale la pena preguntarlo.

# Todo viene de este escenario; lo que sigue lo cambia.
extends: {extends}

# Primer y último día del informe, ambos incluidos. Sin esta línea vale la ventana de lo extendido.
window: {{start: 2023-01-01, end: 2023-12-31}}

# Eventos o políticas de la biblioteca que se quitan ('travesia scenarios show {extends}' los lista).
drop_policies: []

# Políticas que se agregan: un id de la biblioteca o escritas completas. Fechas inclusivas; sin end, abierta.
policies:
  - id: trails_closed
    # closure capacity visa expulsion removal transfer pathway appointment
    # transport penalty announcement push regularisation hazard assistance return
    instrument: closure
    legs: [{leg}]
    start: 2023-06-01
    end: 2023-06-30
    size: 0.5                    # proporción cerrada; 1 = nadie pasa
    phase_in_days: 7             # días hasta la fuerza completa
    effect_source: supuesto

# Valores sueltos por id.
# set:
#   parameters: {{hazard_scale: 1.2}}
#   legs: {{{leg}: {{cost_usd: 120}}}}
#   policies: {{trails_closed: {{size: 0.8}}}}

# El comportamiento se puede apagar por partes.
# behaviour: {{information: false}}
""",
}


def template(name: str, extends: str, leg: str, lang: str = "en") -> str:
    """A commented scenario file that is valid as it stands.

    Parameters
    ----------
    name : str
        Name of the scenario.
    extends : str
        What it builds on.
    leg : str
        A leg of that world, for the example policy.
    lang : str
        Language of the comments: ``en`` or ``es``.
    """
    return TEMPLATE[lang].format(name=name, extends=extends, leg=leg)

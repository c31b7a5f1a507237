"""Every word a reader sees on a figure or a brief: a key and a language enter, a phrase leaves.

One table, so that a missing translation is a fault a test can find. Spanish is written as a first language of the region.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from sim.errors import DataError, Problem

__all__ = ["LANGUAGES", "Language", "check_language", "country_name", "month_name", "number", "phrase", "place_name", "short_month"]

Language = Literal["en", "es"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "es")

#: Months, full and short.
MONTHS: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
}  # fmt: skip

#: Country names by ISO 3166-1 alpha-3 code.
COUNTRIES: Final[dict[str, tuple[str, str]]] = {
    "ALL": ("All countries", "Todos los países"),
    "ARG": ("Argentina", "Argentina"),
    "BLZ": ("Belize", "Belice"),
    "BOL": ("Bolivia", "Bolivia"),
    "BRA": ("Brazil", "Brasil"),
    "CHL": ("Chile", "Chile"),
    "CHN": ("China", "China"),
    "COL": ("Colombia", "Colombia"),
    "CRI": ("Costa Rica", "Costa Rica"),
    "CUB": ("Cuba", "Cuba"),
    "DOM": ("Dominican Republic", "República Dominicana"),
    "ECU": ("Ecuador", "Ecuador"),
    "GTM": ("Guatemala", "Guatemala"),
    "GUY": ("Guyana", "Guyana"),
    "HND": ("Honduras", "Honduras"),
    "HTI": ("Haiti", "Haití"),
    "IND": ("India", "India"),
    "MEX": ("Mexico", "México"),
    "NIC": ("Nicaragua", "Nicaragua"),
    "PAN": ("Panama", "Panamá"),
    "PER": ("Peru", "Perú"),
    "PRY": ("Paraguay", "Paraguay"),
    "SEN": ("West Africa", "África occidental"),
    "SLV": ("El Salvador", "El Salvador"),
    "SUR": ("Suriname", "Surinam"),
    "TTO": ("Trinidad and Tobago", "Trinidad y Tabago"),
    "URY": ("Uruguay", "Uruguay"),
    "USA": ("United States", "Estados Unidos"),
    "VEN": ("Venezuela", "Venezuela"),
    "AFR": ("Other Africa", "Otros de África"),
    "ASI": ("Other Asia", "Otros de Asia"),
    "OTH": ("Other", "Otros"),
    "": ("On the way", "En camino"),
}

#: Places whose English name differs from the Spanish one, by what a world table may call them.
PLACES_ES: Final[dict[str, str]] = {
    "Mexico City": "Ciudad de México",
    "Panama City": "Ciudad de Panamá",
    "Guatemala City": "Ciudad de Guatemala",
    "US interior": "Interior de EE. UU.",
    "San Andrés island": "Isla de San Andrés",
    "Corn Island": "Isla del Maíz",
    "Las Tecas camp": "Campamento Las Tecas",
    "Los Planes de Gualaca station": "Los Planes de Gualaca",
    "Agua Caliente border": "Agua Caliente",
    "Huehuetoca train yard": "Huehuetoca",
    "San Diego sector": "Sector San Diego",
    "El Centro sector": "Sector El Centro",
    "Yuma sector": "Sector Yuma",
    "Tucson sector": "Sector Tucson",
    "El Paso sector": "Sector El Paso",
    "Del Rio sector": "Sector Del Río",
    "Laredo sector": "Sector Laredo",
    "Rio Grande Valley sector": "Sector Valle del Río Grande",
    "West Africa": "África occidental",
    "South Asia": "Asia meridional",
    "China": "China",
    "São Paulo": "São Paulo",
}

#: Phrases by key: English, Spanish.
PHRASES: Final[dict[str, tuple[str, str]]] = {
    "all": ("All nationalities", "Todas las nacionalidades"),
    "other": ("Other", "Otros"),
    "total": ("Total", "Total"),
    "scenario": ("Scenario", "Escenario"),
    "median": ("median", "mediana"),
    "band50": ("50 % interval", "intervalo del 50 %"),
    "band90": ("90 % interval", "intervalo del 90 %"),
    "observed": ("observed", "observado"),
    "one_replicate": ("one replicate: no interval", "una sola réplica: sin intervalo"),
    "replicates": ("{n} replicates", "{n} réplicas"),
    "one_replicate_short": ("1 replicate", "1 réplica"),
    "seed": ("seed {seed}", "semilla {seed}"),
    "footer": (
        "Scenario “{name}”, a simulation and not a count. {replicates}, {seed}, {engine}, Travesía {version}.",
        "Escenario «{name}»: simulación, no recuento. {replicates}, {seed}, {engine}, Travesía {version}.",
    ),
    "engine_agents": ("agents engine", "motor de agentes"),
    "engine_expected": ("expected-counts engine", "motor de valores esperados"),
    "engine_reference": ("reference engine", "motor de referencia"),
    "nothing": ("Nothing to show", "Sin datos que mostrar"),
    "nothing_flows": (
        "No movement of 15 people or more in this period.",
        "Ningún movimiento de 15 personas o más en este periodo.",
    ),
    "nothing_policies": ("This scenario has no policies.", "Este escenario no tiene medidas de política."),
    "nothing_border": ("This run counts no border.", "Esta simulación no cuenta ningún cruce de frontera."),
    "nothing_stocks": ("Nobody on the route in this run.", "Nadie en la ruta en esta simulación."),
    "nothing_needs": ("No needs table for this run.", "Sin tabla de necesidades para esta simulación."),
    "nothing_upstream": ("Nobody is two to eight weeks away.", "Nadie se encuentra a una distancia de dos a ocho semanas."),
    # units
    "persons_per_month": ("persons per month", "personas por mes"),
    "encounters_per_month": ("encounters per month (events)", "encuentros por mes (eventos)"),
    "persons_per_day": ("persons on an average day", "personas en un día medio"),
    "persons": ("persons", "personas"),
    "month": ("month", "mes"),
    "thousand": ("k", "\u00a0mil"),
    "million": ("m", "\u00a0M"),
    # crossings
    "crossings_title": ("Crossings by border and month", "Cruces por frontera y mes"),
    "crossings_title_one": ("{border}: crossings by month", "{border}: cruces por mes"),
    "peak": ("peak {value}", "máx. {value}"),
    "border_darien": ("Darién", "Darién"),
    "border_costa_rica": ("Costa Rica, entries", "Costa Rica, entradas"),
    "border_honduras": ("Honduras, irregular entries", "Honduras, ingresos irregulares"),
    "border_mexico": ("Mexico, encounters", "México, eventos"),
    "border_us_border_patrol": ("US southwest, Border Patrol", "EE. UU. suroeste, Patrulla Fronteriza"),
    "border_us_ports": ("US southwest, ports of entry", "EE. UU. suroeste, puertos de entrada"),
    # map
    "map_title": ("Movements along the route, {period}", "Movimientos a lo largo de la ruta, {period}"),
    "map_unit": ("Persons per month (width)", "Personas por mes (grosor)"),
    "map_direction": ("Direction", "Dirección"),
    "northward": ("northward", "hacia el norte"),
    "southward": ("southward", "hacia el sur"),
    "lateral": ("lateral", "lateral"),
    "return": ("return", "retorno"),
    "map_inset": ("Darién (schematic, 0.1°)", "Darién (esquemático, 0,1°)"),
    "map_note": (
        "Legs below 15 people are not drawn. Points on irregular routes are rounded to a tenth of a degree.",
        "No se dibujan tramos de menos de 15 personas. Puntos en rutas irregulares redondeados a una décima de grado.",
    ),
    "map_mean": ("monthly mean {start} to {end}", "media mensual de {start} a {end}"),
    "busiest_leg": ("busiest leg, persons per month", "tramo más transitado, personas por mes"),
    # who is where
    "where_title": ("Who is where: people on the route by country", "Quién está dónde: personas en la ruta por país"),
    "where_total": ("total, median", "total, mediana"),
    "where_total_band": ("total, 90 % interval", "total, intervalo del 90 %"),
    # sankey
    "sankey_title": ("From departure to outcome", "De la salida al desenlace"),
    "sankey_departure": ("Departed from", "Salida desde"),
    "sankey_nationality": ("Nationality", "Nacionalidad"),
    "sankey_outcome": ("Outcome", "Desenlace"),
    "sankey_country": ("Country of outcome", "País del desenlace"),
    "arrived": ("Arrived", "Llegada"),
    "settled": ("Settled", "Asentamiento"),
    "returned": ("Returned", "Retorno"),
    "removed": ("Removed", "Deportación o expulsión"),
    "died_or_missing": ("Died or missing", "Muertes o desapariciones"),
    "on_route": ("Still on the route", "Aún en la ruta"),
    "sankey_unit": ("bar height: persons, median over replicates", "altura de la barra: personas, mediana de las réplicas"),
    # differences
    "differences_title": ("{other} compared with {base}", "{other} en comparación con {base}"),
    "differences_axis": ("difference, persons per month", "diferencia, personas por mes"),
    "differences_zero": ("no difference", "sin diferencia"),
    "differences_sum": ("whole window: {value} ({low} to {high})", "todo el periodo: {value} ({low} a {high})"),
    # policies
    "timeline_title": ("Policies in this scenario", "Medidas de política en este escenario"),
    "timeline_effect": ("in force", "en vigor"),
    "timeline_lag": ("announced, lag or phase-in", "anuncio, retraso o entrada gradual"),
    "instrument": ("Instrument", "Instrumento"),
    "closure": ("closure", "cierre"),
    "capacity": ("capacity", "capacidad"),
    "visa": ("visa", "visado"),
    "expulsion": ("expulsion", "expulsión"),
    "removal": ("removal", "deportación"),
    "transfer": ("transfer", "traslado"),
    "pathway": ("regular pathway", "vía regular"),
    "appointment": ("appointment", "cita"),
    "transport": ("transport", "transporte"),
    "penalty": ("penalty", "multa o tasa"),
    "announcement": ("announcement", "anuncio"),
    "push": ("departures", "salidas"),
    "regularisation": ("regularisation", "regularización"),
    "hazard": ("hazard", "amenaza"),
    "assistance": ("assistance", "asistencia"),
}


def check_language(lang: str) -> Language:
    """Return `lang` if there are words for it.

    Parameters
    ----------
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    str
        The same.

    Raises
    ------
    DataError
        For any other language.
    """
    if lang not in LANGUAGES:
        problem = Problem(f"language {lang!r}", expected="en or es", hint="use --lang en or --lang es")
        raise DataError("There are no words for this language.", [problem])
    return cast(Language, lang)


def phrase(key: str, lang: str, **values: object) -> str:
    """Look up one phrase and fill in its values.

    Parameters
    ----------
    key : str
        Key of the table.
    lang : str
        ``en`` or ``es``.
    **values
        What the phrase's braces ask for.

    Returns
    -------
    str
        The phrase; the key with spaces if the table does not know it (names from a user's own world).
    """
    pair = PHRASES.get(key)
    text = pair[LANGUAGES.index(check_language(lang))] if pair else key.replace("_", " ").replace("-", " ")
    return text.format(**values) if values else text


def country_name(code: str, lang: str) -> str:
    """Name of a country or nationality group by code; the code itself if it is not in the table."""
    pair = COUNTRIES.get(code)
    return pair[LANGUAGES.index(check_language(lang))] if pair else code


def place_name(name: str, lang: str) -> str:
    """Short name of a place: the part before a slash, bracket or comma, in Spanish where it differs."""
    short = name.split(" / ")[0].split(" (")[0].split(",")[0].strip()
    return PLACES_ES.get(short, short) if check_language(lang) == "es" else short


def month_name(year: int, month: int, lang: str) -> str:
    """A month in words: ``August 2023``, ``agosto de 2023``."""
    name = MONTHS[check_language(lang)][month - 1]
    return f"{name} {year}" if lang == "en" else f"{name} de {year}"


def short_month(year: int, month: int, lang: str) -> str:
    """A month in short: ``Aug 2023``, ``ago 2023``."""
    return f"{MONTHS[check_language(lang)][month - 1][:3]} {year}"


def number(value: float, lang: str, digits: int = 0) -> str:
    """A number as the language writes it: ``12,345.6`` and ``12 345,6`` (no-break space).

    Parameters
    ----------
    value : float
        Any finite number.
    lang : str
        ``en`` or ``es``.
    digits : int
        Decimals.
    """
    text = f"{value:,.{digits}f}".replace("-", "−")
    if check_language(lang) == "en":
        return text
    whole, _, decimals = text.partition(".")
    # A space groups thousands in Spanish (Ortografía de la lengua española, 2010), in tables also with four figures.
    grouped = whole.replace(",", "\u00a0")
    return f"{grouped},{decimals}" if decimals else grouped

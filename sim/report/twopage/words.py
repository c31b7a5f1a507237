"""The words of the two-page brief: a key and a language enter, a phrase leaves."""

from __future__ import annotations

from typing import Final

from sim.report.words import LANGUAGES, check_language

__all__ = ["PHRASES", "say"]

PHRASES: Final[dict[str, tuple[str, str]]] = {
    "title": ("{country}: people on the move", "{country}: personas en movilidad"),
    "title_ALL": ("The corridor: people on the move", "El corredor: personas en movilidad"),
    "subtitle": (
        "Planning brief, {month}. Scenario “{scenario}”: a simulation for protection and assistance, not a count.",
        "Ficha de planificación, {month}. Escenario «{scenario}»: simulación para la protección y la asistencia, no un recuento.",
    ),
    # facts
    "country": ("Country", "País"),
    "month": ("Month", "Mes"),
    "version": ("Version", "Versión"),
    "data_as_of": ("Observed data up to", "Datos observados hasta"),
    "no_observed": ("none in this run", "ninguno en esta simulación"),
    "run_date": ("Date of the run", "Fecha de la simulación"),
    "unknown": ("not stated", "no consta"),
    "replicates": ("Replicates", "Réplicas"),
    "lead": ("Lead mechanism", "Mecanismo responsable"),
    "lead_missing": ("no lead rule for this country", "sin regla de liderazgo para este país"),
    "lead_ALL": ("see the mechanism of each country", "véase el mecanismo de cada país"),
    # headlines
    "h_entries": ("People entering in the month", "Personas que ingresan en el mes"),
    "h_departures": ("People who set out in the month", "Personas que inician el viaje en el mes"),
    "h_present": ("People present on an average day", "Personas presentes en un día medio"),
    "h_in_need": ("People in need of assistance", "Personas con necesidad de asistencia"),
    "h_children": ("Girls, boys and adolescents entering", "Niñas, niños y adolescentes que ingresan"),
    "h_children_ALL": ("Girls, boys and adolescents on the route", "Niñas, niños y adolescentes en la ruta"),
    "h_upstream": ("People two to eight weeks upstream", "Personas a dos a ocho semanas de llegar"),
    "h_waiting": ("People stranded or queueing, average day", "Personas varadas o en espera, día medio"),
    "interval80": ("80 %: {low} to {high}", "80 %: {low} a {high}"),
    "one_replicate": ("one replicate: no interval", "una réplica: sin intervalo"),
    "change": ("{change} on the month before", "{change} respecto al mes anterior"),
    "change_none": ("no month before to compare", "sin mes anterior para comparar"),
    "change_same": ("about as in the month before", "casi igual que el mes anterior"),
    "below": ("fewer than 15", "menos de 15"),
    "not_available": ("not available", "no disponible"),
    # trigger
    "trigger": ("Trigger", "Alerta"),
    "green": ("Watch", "Vigilar"),
    "amber": ("Prepare", "Preparar"),
    "red": ("Act", "Actuar"),
    "unlit": ("Not lit", "Sin señal"),
    "trigger_reason": (
        "Entries are {ratio} times the median of the {n} months before (80 % interval {low} to {high}).",
        "Los ingresos son {ratio} veces la mediana de los {n} meses previos (intervalo del 80 %: {low} a {high}).",
    ),
    "trigger_reason_ALL": (
        "People setting out are {ratio} times the median of the {n} months before (80 % interval {low} to {high}).",
        "Las salidas son {ratio} veces la mediana de los {n} meses previos (intervalo del 80 %: {low} a {high}).",
    ),
    "trigger_short": (
        "Fewer than three months before this one: the light stays off.",
        "Hay menos de tres meses previos: la señal queda apagada.",
    ),
    "trigger_few": (
        "Too few people in the months before to compare: the light stays off.",
        "Muy pocas personas en los meses previos para comparar: la señal queda apagada.",
    ),
    "trigger_rule": (
        "Rule: Act from 1.5 times, Prepare from 1.2 times, in at least half of the replicates.",
        "Regla: Actuar desde 1,5 veces y Preparar desde 1,2 veces, en al menos la mitad de las réplicas.",
    ),
    # direction
    "direction": ("Direction of movement into the country", "Dirección de los ingresos al país"),
    "direction_ALL": ("Direction of movement across borders", "Dirección de los cruces de frontera"),
    "direction_none": ("Fewer than 15 entries in this month.", "Menos de 15 ingresos en este mes."),
    "northward": ("northward", "hacia el norte"),
    "southward": ("southward", "hacia el sur"),
    "lateral": ("lateral", "lateral"),
    "return": ("return", "retorno"),
    "trend": ("Entries by month, persons: median and 80 % interval", "Ingresos por mes, personas: mediana e intervalo del 80 %"),
    "trend_ALL": ("People setting out by month: median and 80 % interval", "Salidas por mes, personas: mediana e intervalo del 80 %"),
    # sectors
    "sectors": ("Needs by sector", "Necesidades por sector"),
    "sector": ("Sector", "Sector"),
    "in_need": ("In need", "Con necesidad"),
    "interval": ("80 % interval", "Intervalo 80 %"),
    "units": ("Units required", "Unidades requeridas"),
    "usd": ("USD", "USD"),
    "funded": ("Funded", "Financiado"),
    "gap": ("Gap", "Brecha"),
    "lead_short": ("Lead", "Lidera"),
    "flag": ("Flag", "Señal"),
    "sectors_note": (
        "Sectors overlap: the same person may need several. Do not add the column; people in need overall is the headline above.",
        "Los sectores se solapan: una misma persona puede necesitar varios. No sume la columna; el total está en las cifras de arriba.",
    ),
    "sectors_none": (
        "No needs estimate came with this run. Make one with “travesia needs RUN_DIR”.",
        "Esta simulación no trae estimación de necesidades. Hágala con «travesia needs CARPETA».",
    ),
    # groups
    "groups": ("Who they are", "Quiénes son"),
    "groups_entries": ("share of people entering in the month", "proporción de quienes ingresan en el mes"),
    "groups_present": ("share of people on the route", "proporción de las personas en la ruta"),
    "groups_none": ("Fewer than 15 people: groups are not published.", "Menos de 15 personas: no se publican grupos."),
    "women": ("Women 18 and over", "Mujeres de 18 años o más"),
    "men": ("Men 18 and over", "Hombres de 18 años o más"),
    "girls": ("Girls and adolescent girls", "Niñas y adolescentes mujeres"),
    "boys": ("Boys and adolescent boys", "Niños y adolescentes varones"),
    "under5": ("of them, under 5", "de ellos, menores de 5"),
    "older": ("60 and over", "60 años o más"),
    # page two
    "upstream": ("Who is two to eight weeks upstream", "Quiénes vienen a dos a ocho semanas"),
    "upstream_ALL": ("Where people are", "Dónde están las personas"),
    "when": ("Expected in", "Se esperan en"),
    "weeks": ("{low} to {high} weeks", "{low} a {high} semanas"),
    "persons": ("Persons", "Personas"),
    "mostly": ("Now mostly in", "Ahora sobre todo en"),
    "mostly_ALL": ("Entries in the month", "Ingresos en el mes"),
    "upstream_none": (
        "Nobody was found two to eight weeks upstream at the end of this month (or fewer than 15 people).",
        "Nadie se encuentra a dos a ocho semanas al final de este mes (o menos de 15 personas).",
    ),
    "upstream_note": (
        "People on the route at the end of the month in places from which the typical journey here takes that long; "
        "not all of them will come, and no place is a recommendation to stop anyone.",
        "Personas en la ruta al final del mes, en lugares desde donde el viaje típico dura ese tiempo; "
        "no todas vendrán, y ningún lugar es una recomendación para detener a nadie.",
    ),
    "upstream_note_ALL": (
        "Average day of the month, countries with 15 people or more.",
        "Día medio del mes; países con 15 personas o más.",
    ),
    "scenarios": ("Scenarios side by side", "Escenarios comparados"),
    "scenario": ("Scenario", "Escenario"),
    "entries": ("Entries", "Ingresos"),
    "departures": ("Set out", "Salidas"),
    "present": ("Present", "Presentes"),
    "scenarios_none": (
        "This run holds one scenario. Run two or more with the same seed (“travesia compare”) and name their folders "
        "with --beside to see them here; no number is shown that was not simulated.",
        "Esta simulación contiene un solo escenario. Simule dos o más con la misma semilla («travesia compare») e indique sus "
        "carpetas con --beside para verlos aquí; no se muestra ninguna cifra que no se haya simulado.",
    ),
    "scenarios_note": (
        "Same month, median with 80 % interval. What differs is the policies, not the luck, if the seeds are equal.",
        "Mismo mes, mediana e intervalo del 80 %. Con semillas iguales difieren las medidas, no el azar.",
    ),
    "overlay": ("Double impact", "Doble impacto"),
    "overlay_hazard": (
        "In force in this month: {title} (from {start}).",
        "En curso este mes: {title} (desde {start}).",
    ),
    "overlay_hurricane": (
        "Atlantic hurricane season (1 June to 30 November): shelters and transport may be lost when arrivals are highest.",
        "Temporada de huracanes del Atlántico (1 de junio a 30 de noviembre): puede perderse alojamiento y transporte con más llegadas.",
    ),
    "overlay_season": (
        "Seasonal risk on legs into the country this month is {factor} times the yearly mean.",
        "El riesgo estacional en los tramos hacia el país es este mes {factor} veces la media anual.",
    ),
    "overlay_none": (
        "The scenario holds no storm, flood, disease or violence shock in this month. Check the national alert system before using it.",
        "El escenario no incluye tormenta, inundación, enfermedad ni violencia este mes. Consulte el sistema nacional de alerta.",
    ),
    "matrix": ("Who coordinates what", "Quién coordina qué"),
    "matrix_none": ("No coordination table for this country.", "Sin tabla de coordinación para este país."),
    "skill": ("How far to trust it", "Cuánta confianza merece"),
    "skill_series": ("Series", "Serie"),
    "skill_inside": ("Inside 90 % interval", "Dentro del intervalo del 90 %"),
    "skill_error": ("Typical error", "Error típico"),
    "skill_naive": ("Last-month guess", "Repetir el mes anterior"),
    "skill_inside_text": ("{n} of {total} months", "{n} de {total} meses"),
    "skill_note": (
        "This run beside monthly counts of the same months; the model has seen these counts, so this is fit and not forecast skill. "
        "Typical error: median of |run − count| / count. Scores of real forecasts: “travesia score”.",
        "Esta simulación frente a los recuentos de los mismos meses; el modelo ya los conocía, así que es ajuste y no acierto de pronóstico. "
        "Error típico: mediana de |simulación − recuento| / recuento. Puntaje de pronósticos reales: «travesia score».",
    ),
    "skill_forecast_note": (
        "Forecasts made before the months they speak of, against what happened. Below 1, the model beats repeating the last month.",
        "Pronósticos hechos antes de los meses a que se refieren, frente a lo ocurrido. Menos de 1: mejor que repetir el último mes.",
    ),
    "skill_none": (
        "No forecast of this model has been scored for this country and the run carries no counts to compare with: "
        "treat levels with great caution.",
        "Ningún pronóstico de este modelo se ha evaluado para este país y la simulación no trae recuentos con que compararla: "
        "tome los niveles con mucha cautela.",
    ),
    "sources": ("Sources", "Fuentes"),
    "source_run": (
        "Run {hash}: scenario, seed and data hashes in manifest.json; made with “travesia run”.",
        "Simulación {hash}: escenario, semilla y huellas de datos en manifest.json; hecha con «travesia run».",
    ),
    "source_observed": (
        "Crossings: public monthly series of national authorities (Panama, Honduras, Mexico, United States), listed by “travesia data list”.",
        "Cruces: series mensuales públicas de autoridades nacionales (Panamá, Honduras, México, Estados Unidos); véase «travesia data list».",
    ),
    "source_needs": (
        "Standards: Sphere, UNHCR, WFP, R4V plan costs; borders: Natural Earth.",
        "Normas: Esfera, ACNUR, PMA, costos del plan R4V; fronteras: Natural Earth.",
    ),
    "assumptions": ("Assumptions", "Supuestos"),
    "assume_policies": (
        "Policies as dated in the scenario; sizes calibrated or assumed, labelled in the policy library.",
        "Medidas con las fechas del escenario; magnitudes calibradas o supuestas, indicadas en la biblioteca.",
    ),
    "assume_profiles": (
        "Age and sex from survey shares by nationality, not from registers.",
        "Edad y sexo según encuestas por nacionalidad, no según registros.",
    ),
    "assume_rounding": (
        "Counts below 15 are withheld, others rounded. Violence and unaccompanied children: regional figures only.",
        "Los valores menores de 15 no se publican; los demás se redondean. Violencia y niñez no acompañada: solo cifras regionales.",
    ),
    "not_for": ("What it is not for", "Para qué no sirve"),
    "not_people": ("Not about single persons or families.", "No trata de personas ni de familias concretas."),
    "not_enforcement": (
        "Not for interception, detention, returns or border control.",
        "No sirve para interceptar, detener, devolver ni controlar fronteras.",
    ),
    "not_count": (
        "Not an official figure and no substitute for counts or assessments on the ground.",
        "No es cifra oficial ni sustituye recuentos o evaluaciones en terreno.",
    ),
    "correct": ("How to correct it", "Cómo corregirla"),
    "correct_text": (
        "Found an error? Tell the office that gave you this brief, or open an issue in the project, with the run hash below. "
        "Corrections are logged with date and reason, and the brief is made again.",
        "¿Encontró un error? Avise a la oficina que le entregó esta ficha o abra una incidencia en el proyecto, con la huella de abajo. "
        "Las correcciones se registran con fecha y motivo, y la ficha se rehace.",
    ),
    "page": ("page {n} of 2", "página {n} de 2"),
    "and": ("and", "y"),
}


def say(key: str, lang: str, **values: object) -> str:
    """Look up one phrase of the brief and fill in its values.

    Parameters
    ----------
    key : str
        Key of the table; an unknown key is a `KeyError`, so that a test finds it.
    lang : str
        ``en`` or ``es``.
    **values
        What the phrase's braces ask for.
    """
    text = PHRASES[key][LANGUAGES.index(check_language(lang))]
    return text.format(**values) if values else text

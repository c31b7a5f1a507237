"""The route as a Mesa model: six weeks, a closed fortnight, and the queue it leaves in Panama."""

import sys

from sim.model import Country, RouteModel

jungle, a_day = {"kind": "triangular", "low": 3, "mode": 5, "high": 9}, {"kind": "fixed", "days": 1}
shut = {"id": "shut", "instrument": "closure", "legs": ["jungle"], "start": "2023-01-15", "end": "2023-01-28"}
window = {"start": "2023-01-01", "end": "2023-02-11"}
route = {
    "name": "closed_fortnight",
    "window": window,
    "world": {
        "places": [
            {"id": "necocli", "country": "COL", "role": "origin", "stay": a_day},
            {"id": "lajas", "country": "PAN", "role": "reception", "stay": a_day},
            {"id": "costa_rica", "country": "CRI", "role": "destination"},
        ],
        "legs": [
            {"id": "jungle", "from": "necocli", "to": "lajas", "days": jungle},
            {"id": "bus", "from": "lajas", "to": "costa_rica", "days": a_day, "capacity_per_day": 120},
        ],
    },
    "departures": [{"place": "necocli", "group": "VEN", "per_day": 100, **window}],
    "policies": [shut],
}


def main() -> None:
    """Run to the last day and show Panama at the end of every week."""
    model = RouteModel(route, rng=1)
    while model.running:
        model.step()
    table = model.datacollector.get_agenttype_vars_dataframe(Country)
    panama = table[table["name"] == "PAN"].droplevel("AgentID")
    sys.stdout.write(panama.iloc[6::7][["present", "queued", "came"]].to_string() + "\n")


if __name__ == "__main__":
    main()

"""A policy of one's own: buses double for a fortnight; the same people, the same luck, with it and without."""

import sys

from sim import load_scenario, run

window = {"start": "2024-03-01", "end": "2024-04-30"}
four, day = {"kind": "geometric", "mean_days": 4}, {"kind": "fixed", "days": 1}
world = {
    "places": [
        {"id": "city", "country": "COL", "role": "origin", "stay": four},
        {"id": "border", "country": "PAN", "role": "transit", "stay": day},
        {"id": "north", "country": "CRI", "role": "destination"},
    ],
    "legs": [
        {"id": "road", "from": "city", "to": "border", "days": {"kind": "fixed", "days": 6}},
        {"id": "bus", "from": "border", "to": "north", "days": day, "capacity_per_day": 50},
    ],
}
base = {"name": "base", "window": window, "world": world}
base["departures"] = [{"place": "city", "group": "VEN", "per_day": 70, **window}]
fortnight = {"start": "2024-04-01", "end": "2024-04-14", "legs": ["road"]}
express = {"id": "express", "instrument": "transport", "days_factor": 0.5, **fortnight}


def main() -> None:
    """Difference of arrivals by half-month, to the person."""
    runs = [
        run(load_scenario({**base, "name": name, "policies": rules}), seed=1, daily=True, out=f"runs/{name}")
        for name, rules in (("base", []), ("express", [express]))
    ]
    daily = [one.flows[one.flows["leg"] == "road"].groupby("period_start")["persons"].sum() for one in runs]
    difference = (daily[1] - daily[0]).fillna(0).resample("SMS").sum()
    sys.stdout.write(difference.to_string() + "\n")


if __name__ == "__main__":
    main()

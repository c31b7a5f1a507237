"""A sweep on Dask: how the line below a pass grows with its daily capacity, one task a setting."""

import sys

from dask import compute, delayed

from sim import load_scenario, run

window = {"start": "2024-03-01", "end": "2024-03-31"}
day = {"kind": "fixed", "days": 1}


def waiting(capacity: int) -> tuple[int, float]:
    """Person-days in line at a capacity; a new scenario and run folder for each."""
    places = [
        {"id": "valley", "country": "ECU", "role": "origin", "stay": day},
        {"id": "plain", "country": "COL", "role": "destination"},
    ]
    climb = {"id": "climb", "from": "valley", "to": "plain", "days": day, "capacity_per_day": capacity}
    scenario = {
        "name": f"capacity_{capacity}",
        "window": window,
        "world": {"places": places, "legs": [climb]},
        "departures": [{"place": "valley", "group": "VEN", "per_day": 60, **window}],
    }
    done = run(load_scenario(scenario), seed=1, out=f"runs/capacity_{capacity}")
    return capacity, float(done.stocks.loc[done.stocks["status"] == "queued", "person_days"].sum())


def main() -> None:
    """Four settings, side by side on the workers of this machine."""
    for capacity, days in compute(*[delayed(waiting)(c) for c in (30, 40, 50, 60)], scheduler="threads"):
        sys.stdout.write(f"{capacity} a day: {days:,.0f} person-days in line\n")


if __name__ == "__main__":
    main()

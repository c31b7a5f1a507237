"""A world of one's own: a valley, a pass that takes 40 a day, and how many wait below it."""

import sys

from sim import load_scenario, run

window = {"start": "2024-03-01", "end": "2024-04-30"}
week, night = {"kind": "geometric", "mean_days": 7}, {"kind": "fixed", "days": 1}
valley = {
    "name": "valley",
    "window": window,
    "world": {
        "places": [
            {"id": "valley", "country": "ECU", "role": "origin", "stay": week},
            {"id": "pass", "country": "COL", "role": "transit", "stay": night},
            {"id": "plain", "country": "COL", "role": "destination"},
        ],
        "legs": [
            {"id": "climb", "from": "valley", "to": "pass", "days": night, "capacity_per_day": 40},
            {"id": "descent", "from": "pass", "to": "plain", "days": night},
        ],
    },
    "departures": [{"place": "valley", "group": "VEN", "per_day": 60, **window}],
}


def main() -> None:
    """Run by the day and show who stands in line below the pass at the end of each week."""
    done = run(load_scenario(valley), seed=1, daily=True, out="runs/valley")
    queued = done.stocks[done.stocks["status"] == "queued"]
    by_day = queued.groupby("period_start")["person_days"].sum()
    sys.stdout.write(by_day.iloc[6::7].to_string() + "\n")


if __name__ == "__main__":
    main()

"""Tiny FLEE cases for tests: a few rows of its tables, written to a folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sim.results import Run

BURUNDI = Path(__file__).parent / "data" / "burundi2015"


def write_flee(
    folder: Path,
    *,
    locations: list[str],
    routes: list[str],
    total: list[str] | None = None,
    camps: dict[str, list[str]] | None = None,
    closures: list[str] | None = None,
    settings: dict[str, object] | None = None,
    start: str = "2020-01-01",
    length: int = 60,
) -> tuple[Path, Path]:
    """Write a case; returns its folder and its settings file."""
    inputs, source = folder / "input_csv", folder / "source_data"
    inputs.mkdir(parents=True)
    source.mkdir()
    head = "#name,region,country,latitude,longitude,location_type,conflict_date,population"
    (inputs / "locations.csv").write_text("\n".join([head, *locations]) + "\n")
    (inputs / "routes.csv").write_text(
        "\n".join(["#name1,name2,distance,forced_redirection", *routes]) + "\n"
    )
    rows = ["#closure_type,name1,name2,closure_start,closure_end", *(closures or [])]
    (inputs / "closures.csv").write_text("\n".join(rows) + "\n")
    (inputs / "sim_period.csv").write_text(f"StartDate,{start}\nLength,{length}\n")
    layout = ["total,refugees.csv"]
    (source / "refugees.csv").write_text("\n".join(total or ["2020-01-01,0", "2020-01-02,20000"]) + "\n")
    for name, series in (camps or {}).items():
        layout.append(f"{name},{name}.csv")
        (source / f"{name}.csv").write_text("\n".join(series) + "\n")
    (source / "data_layout.csv").write_text("\n".join(layout) + "\n")
    rules = {"camp_movechance": 0.0, "softening": 10.0, **(settings or {})}
    text = "move_rules:\n" + "".join(f"  {key}: {value}\n" for key, value in rules.items())
    (folder / "settings.yml").write_text(text)
    return folder, folder / "settings.yml"


def persons(run: Run, place: str, start: str = "2020-01-01", days: int = 60) -> pd.Series:
    """Persons present in a place on each evening."""
    stocks = run.stocks
    here = stocks[(stocks["place"].astype(str) == place) & (stocks["status"].astype(str) != "travelling")]
    index = pd.date_range(start, periods=days, freq="D")
    counts = here.groupby(here["period_start"].astype("datetime64[ns]"))["person_days"].sum()
    return counts.reindex(index, fill_value=0).reset_index(drop=True)

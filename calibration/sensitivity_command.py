"""``travesia sensitivity``: a study enters; a table and a figure of what moves the crossings leave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def sensitivity(
    config: Annotated[
        str, typer.Argument(help="YAML file, or the name of a shipped one.", metavar="CONFIG")
    ] = "sensitivity_morris",
    out: Annotated[
        Path | None, typer.Option(help="Folder; sensitivity/NAME if not given.", show_default=False)
    ] = None,
    discover: Annotated[
        str | None,
        typer.Option(
            help="Border: name the ranges in which most people cross it (PRIM; needs travesia[discovery]).",
            show_default=False,
        ),
    ] = None,
    lang: Lang = None,
) -> None:
    """Rank parameters by how much they move the crossings (Morris or Sobol), beside a dummy as zero line."""
    from calibration.config import shipped_config
    from calibration.console import in_a_table
    from calibration.extras import optional
    from calibration.report_words import name_of, phrase
    from calibration.sensitivity import analyse, read_study, run_points
    from calibration.sensitivity import discover as find_ranges
    from calibration.sensitivity_figure import sensitivity_figure
    from sim.cli.words import language_of

    spoken = language_of(lang)
    study = read_study(shipped_config(config))
    console = Console(highlight=False)
    if discover is not None:
        optional("ema_workbench.analysis.prim", "discovery")  # before the runs, which take minutes
    with console.status(phrase("say_compiling", spoken)) as status:
        runs = run_points(
            study,
            progress=lambda done, every: status.update(phrase("say_run", spoken, done=done, every=every)),
        )
    table = analyse(study, runs)
    folder = out or Path("sensitivity") / study.name
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "sensitivity.csv", index=False)
    sensitivity_figure(table, study.method, spoken).savefig(folder / "sensitivity.png", dpi=120)
    wide = table.pivot_table(index="parameter", columns="border", values="effect")
    named = wide.rename(columns=lambda border: name_of("border", str(border), spoken)).reset_index()
    console.print(in_a_table(named, spoken, phrase("table_sensitivity", spoken)))
    console.print(phrase("say_written", spoken, path=folder / "sensitivity.csv"), soft_wrap=True)
    if discover is not None:
        ranges = find_ranges(study, runs, discover)
        ranges.to_csv(folder / "discovery.csv", index=False)
        console.print(in_a_table(ranges, spoken, phrase("table_discovery", spoken)))

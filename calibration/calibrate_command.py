"""``travesia calibrate``: a configuration enters; a fitted folder with a report, or a check of the intervals, leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def calibrate(
    config: Annotated[
        str, typer.Argument(help="YAML file, or the name of a shipped one.", metavar="CONFIG")
    ] = "full",
    out: Annotated[
        Path | None, typer.Option(help="Folder; calibrations/NAME if not given.", show_default=False)
    ] = None,
    sbc: Annotated[
        bool, typer.Option("--sbc", help="Check the intervals on synthetic counts instead.")
    ] = False,
    truths: Annotated[int, typer.Option(help="Synthetic truths of --sbc.", min=2)] = 100,
    draws: Annotated[int, typer.Option(help="Draws of importance sampling; 0 leaves it out.", min=0)] = 100,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the report: en or es.")] = "en",
) -> None:
    """Fit departures, detection and dispersion to the observed counts, and say what they cannot tell."""
    from calibration.calibrate import build_posterior, config_response, write_result
    from calibration.calibrate import calibrate as fit
    from calibration.config import read_config, shipped_config
    from sim.report.words import check_language
    from sim.spec import load_scenario

    check_language(lang)  # before the fit, which takes minutes
    settings = read_config(shipped_config(config))
    folder = out or Path("calibrations") / settings.name
    console = Console(highlight=False)
    if sbc:
        from calibration.sbc import coverage_of, run_sbc, small_problem

        scenario = load_scenario(settings.scenario)
        response = config_response(settings, scenario, folder)
        small = small_problem(build_posterior(settings, response))
        with console.status("fitting synthetic counts") as status:
            inside = run_sbc(
                small,
                truths=truths,
                seed=settings.seed,
                progress=lambda done, everything: status.update(f"{done} of {everything} truths"),
            )
        table = coverage_of(inside)
        folder.mkdir(parents=True, exist_ok=True)
        inside.to_csv(folder / "sbc.csv", index=False)
        table.to_csv(folder / "sbc_coverage.csv", index=False)
        console.print(table.round(3).to_string(index=False))
        return
    with console.status("reading") as status:
        result = fit(settings, folder, resume=resume, draws=draws, say=status.update)
        written = write_result(result, folder, lang)
    console.print(result.parameters.round(3).to_string(index=False))
    if result.withheld is not None:
        console.print(result.withheld.round(3).to_string(index=False))
    took = ", ".join(f"{name} {value:.0f} s" for name, value in result.seconds.items())
    console.print(f"{took}; {len(written)} files in {folder}", soft_wrap=True)

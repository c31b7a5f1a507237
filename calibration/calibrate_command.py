"""``travesia calibrate``: a configuration enters; a fitted folder with a report, or a check of the intervals, leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sim.cli.options import Lang

if TYPE_CHECKING:
    from calibration.config import Config

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
    lang: Lang = None,
) -> None:
    """Fit departures, detection and dispersion to the observed counts, and say what they cannot tell."""
    from calibration.calibrate import calibrate as fit
    from calibration.calibrate import write_result
    from calibration.config import read_config, shipped_config
    from calibration.console import in_a_table
    from calibration.report_words import phrase, rule_in_words
    from sim.cli.words import language_of
    from sim.messages import in_language
    from sim.report.words import number

    spoken = language_of(lang)  # before the fit, which takes minutes
    settings = read_config(shipped_config(config))
    folder = out or Path("calibrations") / settings.name
    console = Console(highlight=False)
    if sbc:
        _check_intervals(settings, folder, truths, spoken)
        return
    with console.status(phrase("say_reading", spoken)) as status:
        result = fit(
            settings,
            folder,
            resume=resume,
            draws=draws,
            say=lambda text: status.update(in_language(text, spoken)),
        )
        written = write_result(result, folder, spoken)
    console.print(in_a_table(result.parameters, spoken, phrase("table_parameters", spoken)))
    if result.withheld is not None:
        rules = {
            name: [rule_in_words(str(rule), spoken) for rule in result.withheld[name]]
            for name in ("rule", "blind_rule")
        }
        title = phrase("withheld_table", spoken)
        console.print(in_a_table(result.withheld.assign(**rules), spoken, title))
    took = ", ".join(
        phrase("say_took", spoken, name=phrase(f"seconds_{name}", spoken), seconds=number(value, spoken))
        for name, value in result.seconds.items()
    )
    console.print(phrase("say_files", spoken, took=took, n=len(written), folder=folder), soft_wrap=True)


def _check_intervals(settings: Config, folder: Path, truths: int, lang: str) -> None:
    """Fit synthetic counts whose truth is known, and show how often it lies inside the intervals."""
    from calibration.calibrate import build_posterior, config_response
    from calibration.console import in_a_table
    from calibration.report_words import phrase
    from calibration.sbc import coverage_of, run_sbc, small_problem
    from sim.spec import load_scenario

    console = Console(highlight=False)
    response = config_response(settings, load_scenario(settings.scenario), folder)
    small = small_problem(build_posterior(settings, response))
    with console.status(phrase("say_synthetic", lang)) as status:
        inside = run_sbc(
            small,
            truths=truths,
            seed=settings.seed,
            progress=lambda done, every: status.update(phrase("say_truths", lang, done=done, every=every)),
        )
    table = coverage_of(inside)
    folder.mkdir(parents=True, exist_ok=True)
    inside.to_csv(folder / "sbc.csv", index=False)
    table.to_csv(folder / "sbc_coverage.csv", index=False)
    console.print(in_a_table(table, lang, phrase("table_sbc", lang)))

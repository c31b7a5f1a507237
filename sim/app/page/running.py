"""Full runs: options, a button, and everything that is running with its progress, remaining time and a way to stop it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from sim.app.page.bits import refused
from sim.app.parts import Bar, Field
from sim.app.service.jobs import Job, left_in_words
from sim.app.text import has, say
from sim.app.workshop import Draft
from sim.errors import Problem, ScenarioError, TravesiaError

if TYPE_CHECKING:
    from sim.app.workshop import Workshop

__all__ = ["layout", "numbers_of", "register", "size_fields"]

SCALES = ("0.01", "0.05", "0.1", "0.25", "1")
_PRODUCTS = ("workbook", "brief")
_LINGER_SECONDS = 60.0
"""For which the page still asks after the last job is over."""


def scale_options(lang: str) -> list[dict[str, str]]:
    """Shares of people that a list offers."""
    return [{"value": one, "label": say(f"scale_{one}", lang)} for one in SCALES]


def size_fields(lang: str, prefix: str = "", hint: str = "") -> list[Field]:
    """How many people, how often and with which luck: fields whose ids begin with the prefix, and a hint on the seed."""
    return [
        Field(
            id=f"{prefix}scale",
            kind="select",
            label=say("scale", lang),
            value="0.1",
            options=scale_options(lang),
        ),
        Field(
            id=f"{prefix}replicates",
            kind="number",
            label=say("replicates", lang),
            value=10,
            min=1,
            max=1000,
            step=1,
        ),
        Field(id=f"{prefix}seed", kind="number", label=say("seed", lang), value=1, min=0, step=1, hint=hint),
    ]


def layout(lang: str) -> html.Section:
    """The part of the page."""
    return html.Section(
        [
            html.H2(say("run_title", lang), id="run-title"),
            html.P(say("run_about", lang)),
            html.Div(
                [
                    *size_fields(lang, hint=say("seed_hint", lang)),
                    Field(
                        id="run-name",
                        kind="text",
                        label=say("run_name", lang),
                        value="",
                        hint=say("run_name_hint", lang),
                    ),
                ],
                className="row",
            ),
            html.Button(say("start_run", lang), id="start", className="main", n_clicks=0),
            html.Div(id="start-message", className="refusal", role="alert"),
            html.Div(id="jobs-said", className="hidden", role="status"),
            html.Ul(id="jobs-list", className="jobs"),
        ],
        id="run-part",
        **{"aria-labelledby": "run-title"},
    )


def numbers_of(replicates: object, scale: object, seed: object) -> tuple[int, float, int]:
    """Options of a run as numbers.

    Raises
    ------
    ScenarioError
        With every option that is no number the command line would take.
    """
    problems = []
    if (
        not isinstance(replicates, int | float)
        or not 1 <= replicates < math.inf
        or replicates != int(replicates)
    ):
        problems.append(Problem(f"replicates is {replicates}", "--replicates", "a whole number, 1 or more"))
    if not isinstance(seed, int | float) or not 0 <= seed < math.inf or seed != int(seed):
        problems.append(Problem(f"seed is {seed}", "--seed", "a whole number, 0 or more"))
    try:
        share = float(str(scale))
    except ValueError:
        share = 0.0
    if not 0.0 < share < math.inf:
        problems.append(Problem(f"scale is {scale}", "--scale", "a share above 0"))
    if problems:
        message = "The run was refused."
        raise ScenarioError(message, problems)
    return int(replicates), share, int(seed)  # type: ignore[call-overload]


def job_row(job: Job, lang: str) -> html.Li:
    """One job as the list shows it."""
    title = html.Strong(f"{say(f'job_{job.kind}', lang)}: {job.label}")
    state = say(f"state_{job.state}", lang)
    parts: list[Any] = [title, " ", html.Span(state)]
    if not job.over:
        key, n = left_in_words(job.seconds_left)
        stage = say(f"stage_{job.stage}", lang) if has(f"stage_{job.stage}") else ""
        parts += [
            html.Div(
                Bar(
                    id={"type": "bar", "job": job.id}, value=job.share, label=f"{job.label}: {stage or state}"
                )
            ),
            html.Div(f"{stage} · {say(key, lang, n=n)}" if job.state == "running" else "", className="hint"),
            html.Button(
                say("cancel", lang),
                id={"type": "cancel", "job": job.id},
                n_clicks=0,
                **{"aria-label": f"{say('cancel', lang)}: {job.label}"},
            ),
        ]
    elif job.state == "done":
        parts += [
            html.Span(f" {say('took', lang, s=f'{job.seconds:.0f}')}", className="hint"),
            *done_parts(job, lang),
        ]
    elif job.fault is not None:
        parts.append(html.Div(refused(job.fault, lang), className="refusal"))
    return html.Li(parts)


def done_parts(job: Job, lang: str) -> list[Any]:
    """What a finished job left."""
    if job.kind in _PRODUCTS:
        link = html.A(
            say("download_file", lang, name=job.label),
            href=f"/product/{job.id}",
            className="button",
            download="",
        )
        return [html.Div(link)]
    if job.kind == "confirm":
        same = bool(job.result.get("same"))
        told = say(
            "share_same" if same else "share_differs", lang, hash=str(job.result.get("result_hash", ""))[:16]
        )
        why = [say(f"differs_{name}", lang) for name in job.result.get("differs", ())]
        return [html.Div(" ".join([told, *why]), className="notice" if same else "refusal")]
    return []


def settled(job: Job) -> bool:
    """Whether the page may stop asking.

    What a job brings may itself start another (figures, then needs), and Dash does not follow a change of the list of
    jobs that comes from following it.
    """
    return job.over and time.monotonic() - job.ended > _LINGER_SECONDS


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""
    _start(app, shop, lang)
    _follow(app, shop, lang)


def _start(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("jobs", "data"),
        Output("start-message", "children"),
        Output("started", "data"),
        Input("start", "n_clicks"),
        Input("confirm", "n_clicks"),
        State("scale", "value"),
        State("replicates", "value"),
        State("seed", "value"),
        State("run-name", "value"),
        State("draft", "data"),
        State("jobs", "data"),
        prevent_initial_call=True,
    )
    def start(  # noqa: PLR0913, PLR0917 - one argument for each field
        a: int,
        b: int,
        scale: object,
        replicates: object,
        seed: object,
        name: str | None,
        data: object,
        jobs: object,
    ) -> tuple[Any, ...]:
        if not (a or b):
            raise PreventUpdate
        try:
            many, share, luck = numbers_of(replicates, scale, seed)
            job = shop.start_run(
                Draft.of(data), lang, replicates=many, scale=share, seed=luck, name=(name or "").strip()
            )
        except TravesiaError as fault:
            return no_update, refused(fault, lang), no_update
        return [*ids(jobs), job], "", a + b

    app.clientside_callback(
        "function(signal) { return window.dash_clientside.travesia.focus(signal, 'jobs-list'); }",
        Output("focus-sink", "data", allow_duplicate=True),
        Input("started", "data"),
        prevent_initial_call=True,
    )


def ids(data: object) -> list[str]:
    """Job ids that a tab kept."""
    return [str(one) for one in data] if isinstance(data, list) else []


def _follow(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("jobs-list", "children"),
        Output("tick", "disabled"),
        Output("news", "data"),
        Output("jobs-said", "children"),
        Input("tick", "n_intervals"),
        Input("jobs", "data"),
        Input("poke", "data"),
        State("news", "data"),
    )
    def follow(_n: int | None, data: object, _poke: object, news: object) -> tuple[Any, ...]:
        found = [job for one in ids(data) if (job := shop.jobs.get(one)) is not None]
        known = ids(news)
        fresh = [job for job in found if job.over and job.id not in known]
        said = " ".join(f"{job.label}: {say(f'state_{job.state}', lang)}" for job in fresh)
        rows = [job_row(job, lang) for job in reversed(found)]
        return (
            rows,
            all(settled(job) for job in found),
            [*known, *(job.id for job in fresh)] if fresh else no_update,
            said or no_update,
        )

    @app.callback(
        Output("poke", "data"),
        Input({"type": "cancel", "job": ALL}, "n_clicks"),
        State("poke", "data"),
        prevent_initial_call=True,
    )
    def cancel(clicks: list[int], poke: int | None) -> int:
        found = ctx.triggered_id
        if not any(clicks) or not isinstance(found, dict):
            raise PreventUpdate
        shop.jobs.cancel(str(found["job"]))
        return (poke or 0) + 1

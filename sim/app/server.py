"""The server: a folder of runs enters, one page in each language on 127.0.0.1 leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from dash import Dash
from flask import Flask, Response, abort, redirect, request, send_file

from sim.app.page import frame
from sim.app.service.comparisons import open_pair
from sim.app.service.places import map_tables
from sim.app.service.scenarios import yaml_text
from sim.app.service.share import share_of
from sim.app.text import say
from sim.app.workshop import Workshop
from sim.errors import TravesiaError
from sim.messages import told
from sim.report.publication import publishable
from sim.report.words import LANGUAGES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HOST", "create_app", "create_server"]

HOST: Final = "127.0.0.1"
MOST_BYTES: Final = 16_000_000
"""Largest request: an upload of 10 MB as text, and a little."""
_HOSTS: Final = {"127.0.0.1", "localhost"}
_PAGE: Final = """<!DOCTYPE html>
<html lang="{lang}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <link rel="icon" href="data:,">
    {{%css%}}
  </head>
  <body>
    {{%app_entry%}}
    {{%config%}}
    {{%scripts%}}
    {{%renderer%}}
  </body>
</html>"""


def create_app(
    runs_dir: str | Path, lang: str = "en", *, shop: Workshop | None = None, server: Flask | None = None
) -> Dash:
    """One page in one language.

    Parameters
    ----------
    runs_dir : str or Path
        Folder of runs; the app reads and writes nowhere else.
    lang : str
        ``en`` or ``es``.
    shop : Workshop, optional
        Services that several pages share.
    server : Flask, optional

    Returns
    -------
    Dash
    """
    shop = shop or Workshop(Path(runs_dir))
    app = Dash(
        f"sim.app.{lang}",
        server=server if server is not None else Flask("sim.app"),
        url_base_pathname=f"/{lang}/",
        assets_folder=str(Path(__file__).parent / "static"),
        serve_locally=True,
        update_title="",
        suppress_callback_exceptions=True,
        index_string=_PAGE.format(lang=lang, title=say("page_title", lang)),
    )
    app.enable_dev_tools(debug=False, dev_tools_disable_version_check=True)
    app.layout = frame.layout(shop, lang)
    frame.register(app, shop, lang)
    return app


def create_server(runs_dir: str | Path, *, processes: int = 1, warm: bool = True) -> Flask:
    """The pages in both languages and the files they link to.

    Parameters
    ----------
    runs_dir : str or Path
        Folder of runs; made if missing.
    processes : int
        Full runs at once.
    warm : bool
        Compile the kernels and the first scenario beside the page.

    Returns
    -------
    Flask
        ``extensions["travesia"]`` holds its `Workshop`.
    """
    shop = Workshop(Path(runs_dir), processes)
    server = Flask("sim.app")
    server.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    server.extensions["travesia"] = shop
    for lang in LANGUAGES:
        create_app(runs_dir, lang, shop=shop, server=server)
    _guard(server)
    _files(server, shop)
    if warm:
        shop.warm()
    return server


def _guard(server: Flask) -> None:
    """Only this machine's own pages are answered, and they load nothing from elsewhere."""

    @server.before_request
    def local_only() -> None:
        host = urlsplit(f"//{request.host}").hostname
        origin = request.headers.get("Origin")
        if host not in _HOSTS or (origin and urlsplit(origin).hostname not in _HOSTS):
            abort(403)

    @server.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @server.route("/")
    def home() -> Any:  # noqa: ANN401 - a redirect
        return redirect(f"/{request.accept_languages.best_match(LANGUAGES) or 'en'}/")


def _files(server: Flask, shop: Workshop) -> None:
    """Files to take away; a name that is no run of the folder is refused."""

    @server.errorhandler(TravesiaError)
    def refuse(fault: TravesiaError) -> Response:
        lang = request.args.get("lang", "en")
        return Response(told(fault, lang), status=400, mimetype="text/plain; charset=utf-8")

    @server.route("/data/<kind>")
    def data(kind: str) -> Response:
        return attachment(_table(shop, kind).to_csv(index=False), f"{kind}.csv", "text/csv")

    @server.route("/scenario")
    def scenario() -> Response:
        name = request.args.get("run", "")
        views = shop.runs.open(name)
        content = shop.runs.scenario_file(name)
        text = yaml_text(content) if content else views.run.scenario.to_yaml()
        return attachment(text, f"{name.replace('/', '_')}.yaml", "application/yaml")

    @server.route("/share")
    def share() -> Response:
        name = request.args.get("run", "")
        views = shop.runs.open(name)
        text = json.dumps(share_of(views.run, shop.runs.scenario_file(name)), indent=1, ensure_ascii=False)
        return attachment(text, f"{name.replace('/', '_')}.travesia.json", "application/json")

    @server.route("/product/<job_id>")
    def product(job_id: str) -> Any:  # noqa: ANN401 - a file
        job = shop.jobs.get(job_id)
        if job is None or job.state != "done" or "file" not in job.result:
            abort(404)
        file = Path(job.result["file"]).resolve()
        if not file.is_relative_to(shop.runs.own) or not file.is_file():
            abort(404)
        return send_file(file, as_attachment=True, download_name=file.name)


def attachment(text: str, name: str, kind: str) -> Response:
    """Text as a file."""
    response = Response(text, mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _table(shop: Workshop, kind: str) -> pd.DataFrame:
    """The numbers of a figure, published."""
    if kind == "difference":
        return open_pair(shop.runs, request.args.get("comparison", "")).by_month
    views = shop.runs.open(request.args.get("run", ""))
    if kind == "crossings":
        border = request.args.get("border", "")
        frame = views.crossings
        return frame[frame["border"] == border] if border else frame
    if kind == "where":
        return views.countries
    if kind == "map":
        legs, _ = map_tables(views, request.args.get("month", views.months[0]))
        return publishable(legs.drop(columns=["suppressed"], errors="ignore"))
    abort(404)

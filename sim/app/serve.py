"""Listening: a server and a port enter, an address that only this machine can reach leaves."""

from __future__ import annotations

import logging
import socket
import threading
import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, make_server

from sim.app.server import HOST, create_server
from sim.errors import Problem, RunError

if TYPE_CHECKING:
    from pathlib import Path

    from sim.app.workshop import Workshop

__all__ = ["Running", "open_page", "start"]


@dataclass(frozen=True)
class Running:
    """A server that listens.

    Parameters
    ----------
    http : BaseWSGIServer
    shop : Workshop
    """

    http: BaseWSGIServer
    shop: Workshop

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.http.server_port}/"

    def wait(self) -> None:
        """Answer until interrupted; what runs is stopped then."""
        try:
            self.http.serve_forever()
        finally:
            self.shop.close()
            self.http.server_close()

    def in_background(self) -> threading.Thread:
        """Answer in a thread."""
        thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End a server in the background."""
        self.http.shutdown()
        self.shop.close()
        self.http.server_close()


def start(runs: Path, *, port: int = 8050, processes: int = 1, warm: bool = True) -> Running:
    """Listen on 127.0.0.1.

    Parameters
    ----------
    runs : Path
        Folder of runs.
    port : int
        0 takes a free one.
    processes : int
        Full runs at once.
    warm : bool
        Compile kernels and the first scenario beside the page.

    Raises
    ------
    RunError
        When the port is taken, or the folder cannot be written to.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        message = "The app cannot start."
        problem = Problem(
            f"the folder of runs cannot be made ({fault.strerror})", str(runs), "a folder, with --runs"
        )
        raise RunError(message, [problem]) from fault
    if port and taken(port):
        message = "The app cannot start."
        problem = Problem(
            f"port {port} is taken",
            "--port",
            "a free port",
            "is the app already open? --port 0 takes a free one",
        )
        raise RunError(message, [problem])
    server = create_server(runs, processes=processes, warm=warm)
    return Running(make_server(HOST, port, server, threaded=True), server.extensions["travesia"])


def taken(port: int) -> bool:
    """Whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def open_page(address: str) -> None:
    """Open the page in the reader's browser, if there is one."""
    threading.Timer(0.3, webbrowser.open, [address]).start()

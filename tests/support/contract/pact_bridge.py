"""The HTTP bridge by which Pact's verifier reaches workers on NATS: it posts an interaction and gets the reply."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Ask = Callable[[str], bytes]
"""The body of a worker's reply to the interaction of this description. Called in a thread."""


@dataclass(frozen=True)
class Bridge:
    """Where Pact's verifier posts to, and the states that it has asked for."""

    port: int
    states: set[str]

    @property
    def states_url(self) -> str:
        """Where the verifier posts the state that an interaction needs."""
        return f"http://localhost:{self.port}/states"


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, ask: Ask, states: set[str], *connection: Any) -> None:  # noqa: ANN401  # as the server calls it
        self._ask = ask
        self._states = states
        super().__init__(*connection)

    def do_POST(self) -> None:
        posted: Mapping[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/states":
            self._states |= {posted["state"]} - {""}  # without a state it posts an empty one
            body = b"{}"
        else:
            body = self._ask(posted["description"])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def bridge(ask: Ask) -> Iterator[Bridge]:
    """A bridge on a free port, in a thread of its own."""
    states: set[str] = set()
    with ThreadingHTTPServer(("localhost", 0), partial(_Handler, ask, states)) as server:
        made = Bridge(server.server_port, states)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()

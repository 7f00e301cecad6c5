"""What tracing one request in a hundred costs: two systems side by side, one of which traces, in paired rounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from bench.comparison import METRICS, Plan, compare, disturbed, ratio, tables
from bench.errors import BenchError
from bench.http import CUSTOMER
from bench.load import Target
from bench.results import Claim, Section
from bench.systems import System, mesh, ours
from bench.tokens import Tokens

_RATIO = 0.01
_MOST = 1.05
_OFF = "off"


async def tracing(home: Path, *, rounds: int, seconds: float) -> Section:
    """Saturate the customer by key, traced and not; raises BenchError where no spans came."""
    with _collector() as (url, received):
        variables = {"TRACE_RATIO": str(_RATIO), "OTEL_EXPORTER_OTLP_ENDPOINT": url}
        async with mesh(home / "off") as off, mesh(home / "on", variables=variables) as on:
            systems = [ours(on), replace(ours(off), name=_OFF)]
            tokens = {_OFF: Tokens(off), ours(on).name: Tokens(on)}
            paths = CUSTOMER.paths(await tokens[_OFF].customers())

            async def aim(system: System) -> Target:
                return Target(system.url, paths, await tokens[system.name].headers())

            samples = await compare(systems, aim, Plan(rounds=rounds, saturating=seconds))
    if not received:
        raise BenchError("the system that traces has sent no spans")
    return Section(
        name="tracing",
        title=f"Tracing {_RATIO:.0%} of the requests, beside none: GET /v1/customers/{{customer_id}}, saturating",
        notes=disturbed(samples),
        tables=tables(samples),
        claims=[
            Claim(
                what=f"tracing {_RATIO:.0%}, saturating: CPU µs/req by that of none",
                bound=_MOST,
                measured=ratio(samples, _OFF, "saturating", METRICS["CPU µs/req"]),
            )
        ],
        samples=samples,
        figures={"bytes of spans": sum(received)},
    )


@contextmanager
def _collector() -> Iterator[tuple[str, list[int]]]:
    """Where spans are sent to, and the sizes of what came."""
    received: list[int] = []

    class Export(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            received.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base names it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Export) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()

"""The cost of tracing one request in a hundred: a system that traces beside others that do not, in paired rounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from bench.comparison import METRICS, disturbed, tables, values
from bench.errors import BenchError
from bench.reporting.results import Claim, Section
from bench.reporting.rounds import paired
from bench.sections.variants import saturate
from bench.systems import OURS

_RATIO = 0.01
_MOST = 1.05
_OFF, _OFF_TOO = "off", "off-too"


async def tracing(home: Path, *, starts: int, rounds: int, seconds: float) -> Section:
    """Saturate the customer by key, with and without tracing. Raises BenchError if no spans arrive.

    A second system without tracing shows how large a difference is by chance.
    """
    with _collector() as (url, received):
        traced = {"TRACE_RATIO": str(_RATIO), "OTEL_EXPORTER_OTLP_ENDPOINT": url}
        variants = {OURS: traced, _OFF: {}, _OFF_TOO: {}}
        samples = await saturate(home, variants, starts=starts, rounds=rounds, seconds=seconds)
    if not received:
        raise BenchError("the system that traces has sent no spans")
    on, off, off_too = (values(samples, name, "saturating", METRICS["CPU µs/req"]) for name in (OURS, _OFF, _OFF_TOO))
    return Section(
        name="tracing",
        title=f"Tracing {_RATIO:.0%} of the requests, beside none: GET /v1/customers/{{customer_id}}, saturating",
        notes=[f"CPU of one system that traces nothing by the other's: {paired(off_too, off)}.", *disturbed(samples)],
        tables=tables(samples),
        claims=[
            Claim(
                what=f"tracing {_RATIO:.0%}, saturating: CPU µs/req by that of none",
                bound=_MOST,
                measured=paired(2 * on, off + off_too),
            )
        ],
        samples=samples,
        figures={"bytes of spans": sum(received)},
    )


@contextmanager
def _collector() -> Iterator[tuple[str, list[int]]]:
    """The collector of the spans, and the sizes of what it received."""
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

"""How batches reach a collector: over one connection, which is opened again when the collector has closed it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests

from mesh.telemetry.otlp import PlainSession


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: list[tuple[str, int]]
    bodies: list[tuple[str, bytes, str]]

    def do_POST(self) -> None:
        self.connections.append(self.client_address)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append((self.path, body, self.headers["authorization"]))
        self.send_response(429)
        self.send_header("Retry-After", "7")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"busy")
        self.close_connection = self.path == "/once"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base names it
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[tuple[str, type[Collector]]]:
    class Handler(Collector):
        connections, bodies = [], []

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", Handler
        finally:
            server.shutdown()
            thread.join()


def post(session: PlainSession, url: str, timeout: float = 20.0) -> requests.Response:
    headers = {"authorization": "Bearer x"}
    return session.request(method="POST", url=url, headers=headers, data=b"spans", timeout=timeout)


def test_batches_go_over_one_connection_and_the_answer_is_whole() -> None:
    with collecting() as (url, collector):
        session = PlainSession()
        answers = [post(session, f"{url}/v1/traces?a=1") for _ in range(3)]
        session.close()
    assert [(429, "7", b"busy")] * 3 == [(one.status_code, one.headers["retry-after"], one.content) for one in answers]
    assert 1 == len(set(collector.connections))
    assert [("/v1/traces?a=1", b"spans", "Bearer x")] * 3 == collector.bodies


def test_a_connection_that_the_collector_closed_is_opened_again_when_opentelemetry_tries_again() -> None:
    with collecting() as (url, collector):
        session = PlainSession()
        assert 429 == post(session, f"{url}/once").status_code
        with suppress(requests.ConnectionError):  # noticed at once, or when it is used
            post(session, f"{url}/once")
        assert 429 == post(session, f"{url}/once").status_code
        session.close()
    assert len(set(collector.connections)) > 1


def test_a_collector_that_is_away_or_silent_is_the_error_that_opentelemetry_tries_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        session = PlainSession()
        with pytest.raises(requests.ConnectionError):
            post(session, f"http://127.0.0.1:{port}/", timeout=0.05)
    with pytest.raises(requests.ConnectionError):
        post(session, f"http://127.0.0.1:{port}/")
    session.close()


def test_a_proxy_is_used_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as (url, collector):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        session = PlainSession()
        post(session, "http://collector.example/v1/traces")
        session.close()
    assert ["http://collector.example/v1/traces"] == [path for path, *_ in collector.bodies]

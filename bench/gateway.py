"""The cost of a request in the gateway itself: no socket, no NATS, prepared answers of the services.

`python -m bench.gateway` prints microseconds of CPU for a request, the long way through FastAPI and on the short path
(ADR 9), and then what each layer adds. It drives the ASGI application in this process, so that
two runs can be compared more precisely than on a whole system.
"""

import base64
import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts import auth, products
from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.core.endpoint import Endpoint, Rep
from mesh.security.settings import TokenSettings
from mesh.security.verifier import ALGORITHM, TYPE
from mesh.telemetry.logs import configure
from mesh.telemetry.settings import LogSettings
from mesh.transport import base as bus
from mesh.transport.memory import MemoryBroker, MemoryTransport
from ops.contracts.examples import endpoint_example, in_checkout
from subjects import CUSTOMERS_GET, PRODUCTS_GET

_BATCHES, _BATCH = 60, 50
_FAILED = 500

_EXAMPLES: Final = in_checkout(Path(__file__).parents[1])
_KEY: Final = Ed25519PrivateKey.generate()
_PUBLIC: Final = base64.urlsafe_b64encode(_KEY.public_key().public_bytes_raw()).rstrip(b"=").decode()


def _replies() -> Mapping[str, BaseModel]:
    """The prepared answers by subject: rows as the examples of the contracts have them."""
    customer, product = _example(CUSTOMERS_GET), _example(PRODUCTS_GET)
    return {
        "auth.jwks": auth.Jwks(keys=(auth.Jwk(kid="bench", x=_PUBLIC),)),
        "auth.sessions.revoked": auth.RevokedPage(session_ids=()),
        "customers.get": customer,
        "customers.create": customer,
        "products.get": product,
        "products.list": products.ProductPage(items=(product,) * 50, next_cursor="bmV4dA"),
    }


def _example(endpoint: Endpoint[Any, Rep]) -> Rep:
    return endpoint.reply.model_validate(endpoint_example(_EXAMPLES, endpoint.subject).reply)


_CLAIMS: Final = {"sub": "u1", "sid": "s1", "jti": "t1", "roles": ["ADMIN"]}

_Request = tuple[str, str, bytes, bytes]
"""Method, path, query and body."""
_NEW_CUSTOMER: Final = b'{"customer_id":"ALFKI","company_name":"Alfreds Futterkiste","city":"Berlin"}'
REQUESTS: Final[Mapping[str, _Request]] = {
    "GET /v1/customers/ALFKI": ("GET", "/v1/customers/ALFKI", b"", b""),
    "GET /v1/products/1": ("GET", "/v1/products/1", b"", b""),
    "GET /v1/products?limit=50": ("GET", "/v1/products", b"limit=50", b""),
    "POST /v1/customers": ("POST", "/v1/customers", b"", _NEW_CUSTOMER),
    "GET /v1/customers/ALFK (404)": ("GET", "/v1/customers/ALFK", b"", b""),
    "GET /healthz": ("GET", "/healthz", b"", b""),
}


class Answering(MemoryTransport):
    """A connection on which every request is answered at once."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self._replies = {
            subject: bus.Message(subject, reply.model_dump_json().encode()) for subject, reply in _replies().items()
        }

    async def request(self, subject: str, *_: object, **__: object) -> bus.Message:
        """See Transport.request."""
        return self._replies[subject]


def token() -> bytes:
    """The Authorization header of an administrator."""
    settings, now = TokenSettings(), int(time.time())
    claims = {
        **_CLAIMS,
        "iss": settings.token_issuer,
        "aud": settings.token_audience,
        "iat": now,
        "nbf": now,
        "exp": now + 900,
    }
    return f"Bearer {jwt.encode(claims, _KEY, ALGORITHM, {'kid': 'bench', 'typ': TYPE})}".encode()


def main() -> None:
    """Measure, and print."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # noqa: PTH123  # not a path of ours
        configure(LogSettings(log_format="json"), "gateway")
        uvloop.run(_print_all())


async def _print_all() -> None:
    proof = token()
    short, long = (build(GatewaySettings(), Answering(), fast=fast) for fast in (True, False))
    out = sys.stdout
    out.write(f"{'µs of CPU for a request':34}{'long way':>10}{'short path':>12}{'ratio':>8}\n")
    for name, request in REQUESTS.items():
        slow, fast = await measured(long, request, proof), await measured(short, request, proof)
        out.write(f"{name:34}{slow:10.1f}{fast:12.1f}{fast / slow:8.2f}\n")
    out.write("\nGET /v1/customers/ALFKI, layer by layer\n")
    before = 0.0
    for depth in range(len(short.user_middleware) + 1):
        cost = await measured(_outermost(short, depth), REQUESTS["GET /v1/customers/ALFKI"], proof)
        name = getattr(short.user_middleware[depth - 1].cls, "__name__", "?") if depth else "nothing, measured"
        out.write(f"{name:34}{cost - before:10.1f}\n")
        before = cost


def _outermost(app: FastAPI, depth: int) -> ASGIApp:
    """The application's outermost layers around an empty answer; the short path answers itself."""
    stack: ASGIApp = _empty
    for layer in reversed(app.user_middleware[:depth]):
        stack = layer.cls(stack, *layer.args, **layer.kwargs)

    async def entered(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app
        await stack(scope, receive, send)

    return entered


async def _empty(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def measured(app: ASGIApp, request: _Request, authorization: bytes, batches: int = _BATCHES) -> float:
    """Microseconds of CPU for one request: the best of many short batches, since other work disturbs some.

    Raises RuntimeError if the gateway responds with an error.
    """
    method, path, query, body = request
    headers = [
        (b"host", b"127.0.0.1:8080"),
        (b"user-agent", b"bench"),
        (b"accept", b"*/*"),
        (b"authorization", authorization),
    ]
    if body:
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    message = {"type": "http.request", "body": body, "more_body": False}

    async def receive() -> Message:
        return message

    async def send(message: Message) -> None:
        if message.get("status", 200) >= _FAILED:
            raise RuntimeError(f"{method} {path} is {message['status']}")

    async def batch(size: int) -> float:
        started = time.process_time()
        for _ in range(size):
            await app(_scope(method, path, query, headers), receive, send)
        return (time.process_time() - started) / size * 1e6

    await batch(_BATCH)
    return min([await batch(_BATCH) for _ in range(batches)])


def _scope(method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """What a server passes to the application: new for each request, since middleware adds to it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": method,
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": headers,
    }


if __name__ == "__main__":
    main()

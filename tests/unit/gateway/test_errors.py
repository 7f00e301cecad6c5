import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing

import pytest
import structlog
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.exceptions import HTTPException

from gateway.middleware.request_context import RequestContext
from gateway.problems import CALL_ERRORS, HANDLERS, STATUS, BodyFault
from gateway.settings import GatewaySettings
from mesh.core.errors import (
    BadReply,
    CallError,
    Code,
    Conflict,
    DeadlineExceeded,
    Disconnected,
    Fault,
    Forbidden,
    Internal,
    Invalid,
    NoResponder,
    NotFound,
    NotStored,
    Overloaded,
    RateLimited,
    Refused,
    RemoteFault,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import error_reply
from subjects import CUSTOMERS_ARCHIVE
from tests.support.gateway.applications import application
from tests.support.gateway.world import World
from tests.support.http.problems import problem
from tests.support.virtual_clock import VirtualLoop

FAULTS: dict[Code, tuple[Fault, int]] = {
    Code.INVALID_ARGUMENT: (Invalid("odd", "…"), 422),
    Code.UNAUTHENTICATED: (Unauthenticated("who", "…"), 401),
    Code.PERMISSION_DENIED: (Forbidden("no", "…"), 403),
    Code.NOT_FOUND: (NotFound("gone", "…"), 404),
    Code.CONFLICT: (Conflict("version_mismatch", "…"), 409),
    Code.PAYLOAD_TOO_LARGE: (TooLarge("much", "…"), 413),
    Code.RATE_LIMITED: (RateLimited("often", "…"), 429),
    Code.OVERLOADED: (Unavailable("queue_full", "…"), 503),
    Code.DEADLINE_EXCEEDED: (TimedOut("late", "…"), 504),
    Code.INTERNAL: (Internal(), 502),
}

FAILED_CALLS: dict[type[CallError], tuple[CallError, int, str]] = {
    RemoteFault: (RemoteFault(Code.NOT_FOUND, "gone", "…"), 404, "gone"),
    Overloaded: (Overloaded(Code.OVERLOADED, "queue_full", "…"), 503, "queue_full"),
    DeadlineExceeded: (DeadlineExceeded.here("products.get"), 504, "deadline_exceeded"),
    NoResponder: (NoResponder("no worker serves products.get"), 503, "no_responders"),
    BadReply: (BadReply("the reply of products.get does not fit"), 502, "bad_reply"),
    Refused: (Refused("NATS does not allow gateway to send to products.get"), 502, "refused"),
    Disconnected: (Disconnected("not connected to NATS"), 503, "disconnected"),
}


class Failing(MemoryTransport):
    """A transport on which every request fails: with a fault of a worker in another language, or without an answer."""

    def __init__(self, error: Exception) -> None:
        super().__init__(MemoryBroker())
        self._error = error

    async def request(self, *_: object, **__: object) -> Message:
        """Fail."""
        if isinstance(self._error, Fault):
            headers, body = error_reply(self._error, "r1")
            return Message("", body, headers)
        raise self._error


def answer(error: Exception, path: str = "/v1/products/1", **headers: str) -> Response:
    """What a gateway answers whose every request to the mesh fails so, without waiting out its retries."""
    app = application(GatewaySettings(), Failing(error))

    async def ask() -> Response:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:
            return await http.get(path, headers=headers)

    with closing(VirtualLoop()) as loop:
        return loop.run(ask())


def kinds(of: type[CallError]) -> Iterator[type[CallError]]:
    """The error's subclasses, and theirs."""
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_code_has_a_status() -> None:
    assert set(Code) == STATUS.keys() == FAULTS.keys()


def test_every_call_error_is_mapped() -> None:
    raised = set(kinds(CallError)) - {NotStored}  # only a publisher of events sees it, and the gateway is none
    assert raised == FAILED_CALLS.keys()
    assert {kind for kind in raised if not issubclass(kind, RemoteFault)} == CALL_ERRORS.keys()


@pytest.mark.parametrize("code", Code)
def test_a_fault_crosses_http_even_if_its_endpoint_does_not_declare_it(code: Code) -> None:
    fault, status = FAULTS[code]
    said = problem(answer(fault), status, fault.reason)
    assert (code, fault.detail, code.retryable) == (said.code, said.detail, said.retryable)


@pytest.mark.parametrize("kind", FAILED_CALLS)
def test_a_failed_call_crosses_http(kind: type[CallError]) -> None:
    error, status, reason = FAILED_CALLS[kind]
    response = answer(error)
    problem(response, status, reason)
    assert ("1" if status == 503 else None) == response.headers.get("retry-after")


@pytest.mark.parametrize("kind", CALL_ERRORS)
def test_a_failed_call_names_the_service_and_nothing_within(kind: type[CallError]) -> None:
    error, status, reason = FAILED_CALLS[kind]
    said = problem(answer(error), status, reason)
    assert "the products service" in said.detail
    assert "NATS" not in said.detail
    assert "products.get" not in said.detail


async def test_an_absent_service_is_503_at_once_and_the_others_work(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    await world.stop("products")
    said = problem(await http.get("/v1/products"), 503, "no_responders")
    assert ("overloaded", "the products service is not available") == (said.code, said.detail)
    assert 200 == (await http.get("/v1/customers", headers=user)).status_code


async def test_a_worker_whose_reply_does_not_fit_is_502() -> None:
    broker = MemoryBroker()
    worker = MemoryTransport(broker)
    app = application(GatewaySettings(), MemoryTransport(broker))
    asked: asyncio.Queue[Message] = asyncio.Queue()
    await worker.subscribe("products.get", asked.put_nowait, "q")
    async with (
        AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http,
        asyncio.TaskGroup() as tasks,
    ):
        asking = tasks.create_task(http.get("/v1/products/1"))
        await worker.publish((await asked.get()).reply, b'{"product_id":"s3cret"}')
    response = asking.result()
    problem(response, 502, "bad_reply")
    assert "s3cret" not in response.text


async def test_a_gateway_without_nats_is_503(http: AsyncClient, transport: MemoryTransport) -> None:
    transport.disconnect()
    problem(await http.get("/v1/products"), 503, "disconnected")


def test_a_connection_that_broke_in_mid_call_is_503_and_says_that_the_outcome_is_unknown() -> None:
    response = answer(Disconnected("it broke while waiting", sent=True), "/v1/products")
    assert "unknown" in problem(response, 503, "connection_lost").detail


def test_a_bug_in_the_gateway_is_500_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with structlog.testing.capture_logs() as logs:
        response = answer(ZeroDivisionError("s3cret"), **{"X-Request-Id": "r1"})
    said = problem(response, 500, "internal")
    assert ("internal error", "r1") == (said.detail, said.request_id)
    assert "s3cret" not in response.text
    assert ["request_failed", "request"] == [line["event"] for line in logs]
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_unknown_path_is_404(http: AsyncClient) -> None:
    problem(await http.get("/v1/nothing"), 404, "unknown_path")
    problem(await http.get("/v1/products//"), 404, "unknown_path")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/v1/customers/ALFKI", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("DELETE", "/v1/products", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/v1/auth/login", "OPTIONS, POST"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_method_that_a_path_does_not_know_is_405_with_those_that_it_does(
    http: AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await http.request(method, path)
    problem(response, 405, "method_not_allowed")
    assert allow == response.headers["allow"]


async def test_a_conflict_of_versions_without_if_match_stays_409(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    world.fails[CUSTOMERS_ARCHIVE] = Conflict("version_mismatch", "…")
    problem(await http.delete("/v1/customers/ALFKI", headers=admin), 409, "version_mismatch")
    for condition in ({"If-Match": '"3"'}, {"If-None-Match": '"2"'}):
        problem(await http.delete("/v1/customers/ALFKI", headers={**admin, **condition}), 412, "version_mismatch")


async def told(error: Exception) -> tuple[int, str, str]:
    """Status, reason and detail of what an application answers whose route raises this."""
    app = FastAPI()
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)

    @app.get("/v1/products/1")
    async def fail() -> None:
        raise error

    app.add_middleware(RequestContext, timeout=1)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:
        response = await http.get("/v1/products/1")
    said = response.json()
    return response.status_code, said["reason"], said["detail"]


@pytest.mark.parametrize("subject", ["auth.jwks", "customers.get"])
async def test_a_failed_call_names_the_service_that_was_asked_whatever_the_route(subject: str) -> None:
    error = NoResponder("nobody is there")
    error.subject = subject
    service = subject.partition(".")[0]
    assert (503, "no_responders", f"the {service} service is not available") == await told(error)


@pytest.mark.parametrize(
    "fault",
    [
        Unavailable("gateway_busy", "too many passwords"),
        TooLarge("body_too_large", "too large"),
        TimedOut("late", "too late"),
        Invalid("malformed_request", "no chunk"),
    ],
)
async def test_a_fault_of_the_body_is_told_in_its_own_words(fault: Fault) -> None:
    error = BodyFault(fault)
    assert (error.status_code, fault.reason, fault.detail) == await told(error)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_error_that_the_framework_raises_is_a_bug_and_not_a_bulkheads_refusal(status: int) -> None:
    with structlog.testing.capture_logs():  # a traceback for people takes seconds to draw
        assert (500, "internal", "internal error") == await told(HTTPException(status))

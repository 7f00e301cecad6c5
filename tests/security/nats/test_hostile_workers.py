"""What a worker of somebody else's can do to the others by its answers: nothing but fail its own requests."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.observe.services import UNSEEN
from devstack.servers.all import Servers
from mesh.client.discover import ask_all
from subjects import ENDPOINTS
from tests.security.edge import Edge, connected, edge, headers, statuses
from tests.security.nats.hostile import NO_HEADERS, HostileWorker, hostile_worker

PRODUCT = {
    "product_id": 1,
    "product_name": "Chai",
    "supplier_id": 1,
    "category_id": 1,
    "quantity_per_unit": None,
    "unit_price": "18.00",
    "units_in_stock": 39,
    "units_on_order": 0,
    "reorder_level": 10,
    "discontinued": False,
    "version": 3,
}
GOOD = json.dumps(PRODUCT).encode()
_KIB = 1024


def but(**changes: object) -> bytes:
    """The product with other values."""
    return json.dumps({**PRODUCT, **changes}).encode()


PROBLEM = {
    "type": "urn:northwind-mesh:problem:rate_limited",
    "title": "Too many requests",
    "status": 429,
    "code": "rate_limited",
    "reason": "often",
    "detail": "…",
    "retryable": True,
}


def problem(**changes: object) -> bytes:
    """An error's body with other values."""
    return json.dumps({**PROBLEM, **changes}).encode()


def raw(name: str, value: bytes) -> bytes:
    """The product with a value that no honest JSON has."""
    return json.dumps({**PRODUCT, name: "@"}).encode().replace(b'"@"', value)


BODIES = [
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"7",
    b'"text"',
    b"not json",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf" + GOOD,
    GOOD + GOOD,
    GOOD[:-1],
    b"[" * 8000,
    b'{"a":' * 1300,
    GOOD[:-1] + b', "pad": "' + b"x" * 8 * _KIB + b'"}',
    b'{"items":[' + b"{}," * 100_000 + b'{}],"next_cursor":null}',
    b"{" + b",".join(b'"k%d":1' % number for number in range(70_000)) + b"}",
    but(product_name=None),
    but(product_name=["Chai"]),
    but(product_id="one"),
    but(product_id=0),
    but(product_id=-1),
    but(product_id=2**31),
    but(version=0),
    but(version=-1),
    but(version=1.5),
    but(version="3\r\nSet-Cookie: a=b"),
    but(unit_price=18.0),
    but(unit_price="1e3"),
    but(unit_price="\u0661"),
    but(discontinued="perhaps"),
    raw("version", b"NaN"),
    raw("version", b"Infinity"),
    raw("version", b"1e400"),
    raw("version", b"9" * 400),
    raw("version", b"9" * 5000),
    raw("product_name", b'"\\ud800"'),
    raw("product_name", b'"\xed\xa0\x80"'),
    raw("product_name", b'"\xff"'),
    raw("product_name", b'"\x00"'),
]

MALFORMED = [
    b"\r\n\r\n",
    b"A: b\r\n\r\n",
    b"NATS/2.0\r\n\r\n",
    b"NATS/1.0",
    b"NATS/1.0\r\n",
    b"NATS/1.0 abc\r\n\r\n",
    b"NATS/1.0 5033\r\n\r\n",
    b"NATS/1.0\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\n: no name\r\n\r\n",
    b"NATS/1.0\r\nA B: c\r\n\r\n",
    b"NATS/1.0\r\nA: b\r\n",
    b"NATS/1.0\r\nA: b\r\n\r\nmore",
    b"NATS/1.0\n\n",
    b"\xff" * 100,
    b"NATS/1.0\r\n\xff: b\r\n\r\n",
    b"NATS/1.0\r\nA: " + b"x" * 40 * _KIB + b"\r\n\r\n",
    b"NATS/1.0\r\n" + b"".join(b"A%d: b\r\n" % number for number in range(90_000)) + b"\r\n",
]

TOLD = [
    b"",
    b"{}",
    b"[]",
    b"not json",
    b"\xff",
    b"[" * 10_000,
    problem(detail="x" * 65 * _KIB),
    *(
        problem(reason=reason)
        for reason in ("", 7, None, "Not Snake", "a\r\nSet-Cookie: a=b", "\u202e", "x" * 65, '";r=9')
    ),
    *(
        problem(retry_after="@").replace(b'"@"', value)
        for value in (b"-5", b"9" * 400, b"9" * 5000, b"1e400", b"NaN", b'"1"', b"true", b"86401", b"[]", b"1.5")
    ),
    problem(errors=[1] * 10_000),
    problem(errors=[{"field": 1, "reason": "r", "message": "m"}]),
    problem(errors={}),
    problem(detail=None),
]

PONGS = [
    *(b"[]", b"{}", b"null", b"7", b"not json", b"\xff\xfe", b"[" * 100_000),
    b'{"name":"products"}',
    b'{"name":7,"id":"i","version":"1"}',
    b'{"name":"products","id":"i","version":"1","metadata":[]}',
    b'{"name":"products","id":"i","version":"1","metadata":{"ready":true}}',
    b'{"name":"products","id":"i","version":"1","metadata":"ready"}',
    b'{"name":"\\ud800","id":"i","version":"1"}',
    b'{"name":"' + b"n" * 500 + b'","id":"i","version":"1"}',
    b'{"name":"products","id":"i","version":"1","endpoints":{}}',
    b'{"name":"products","id":"i","version":"1","endpoints":[{"num_requests":"many"}]}',
    b'{"name":"products","id":"i","version":"1","endpoints":[{"num_requests":1e400}]}',
    b'{"name":"products","id":"i","version":"1","endpoints":[{"num_requests":' + b"9" * 5000 + b"}]}",
    b'{"name":"products","id":"i","version":"1","started":7}',
    b"{" + b",".join(b'"k%d":1' % number for number in range(70_000)) + b"}",
]


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("hostile"), only=["nats"]) as servers:
        yield servers


@pytest.fixture(scope="module")
async def worker(nats: Servers) -> AsyncIterator[HostileWorker]:
    async with hostile_worker(nats, "products", ["products.get", "products.list"]) as worker:
        yield worker


@pytest.fixture(scope="module")
async def gateway(nats: Servers) -> AsyncIterator[Edge]:
    async with edge(nats, []) as made:
        yield made


async def get(gateway: Edge, path: str) -> tuple[int, bytes]:
    said = await gateway.said(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    [status] = statuses(said)
    return status, said


async def is_well(gateway: Edge, worker: HostileWorker) -> bool:
    """Whether a good answer passes: no breaker is open, and the loop goes on."""
    worker.head, worker.body = NO_HEADERS, GOOD
    return (await get(gateway, "/v1/products/1"))[0] == 200


async def test_a_body_that_does_not_fit_is_502(gateway: Edge, worker: HostileWorker) -> None:
    worker.head = NO_HEADERS
    for worker.body in BODIES:
        for path in ("/v1/products/1", "/v1/products"):
            status, said = await get(gateway, path)
            assert (502, True) == (status, b'"bad_reply"' in said), worker.body[:200]
            assert "set-cookie" not in headers(said)
    assert await is_well(gateway, worker)


async def test_headers_that_cannot_be_read_fail_the_call_at_once(gateway: Edge, worker: HostileWorker) -> None:
    worker.body = GOOD
    for worker.head in MALFORMED:
        status, said = await get(gateway, "/v1/products/1")
        assert (502, True) == (status, b'"bad_reply"' in said), worker.head[:200]
    assert await is_well(gateway, worker)


async def test_an_error_is_what_its_code_says_whatever_its_body_adds(gateway: Edge, worker: HostileWorker) -> None:
    worker.head = b"NATS/1.0\r\nNats-Service-Error-Code: 429\r\n\r\n"
    for worker.body in TOLD:
        status, said = await get(gateway, "/v1/products/1")
        found = headers(said)
        assert (429, ["1"]) == (status, found["retry-after"]), worker.body[:200]
        assert b'"reason":"rate_limited"' in said
        assert "set-cookie" not in found
    assert await is_well(gateway, worker)


@pytest.mark.parametrize("number", [b"", b"0", b"-1", b"200", b"999", b"422 ", b"\xff", b"9" * 10_000])
async def test_an_error_of_an_unknown_number_is_502_or_what_it_says(
    gateway: Edge, worker: HostileWorker, number: bytes
) -> None:
    worker.head, worker.body = b"NATS/1.0\r\nNats-Service-Error-Code: " + number + b"\r\n\r\n", b"{}"
    assert (422 if number == b"422 " else 502) == (await get(gateway, "/v1/products/1"))[0]


@pytest.mark.parametrize(
    "reason",
    [
        *("method_not_allowed", "malformed_json", "malformed_request", "request_timeout", "url_too_long"),
        *("unsupported_media_type", "if_match_required", "head_too_large", "version_mismatch"),
    ],
)
async def test_no_reason_moves_the_status(gateway: Edge, worker: HostileWorker, reason: str) -> None:
    worker.head = b"NATS/1.0\r\nNats-Service-Error-Code: 422\r\n\r\n"
    worker.body = problem(code="invalid_argument", status=422, reason=reason)
    said = await gateway.said(b'GET /v1/products/1 HTTP/1.1\r\nHost: a\r\nIf-Match: "3"\r\nConnection: close\r\n\r\n')
    assert [422] == statuses(said)
    assert "allow" not in headers(said)


async def test_a_worker_that_answers_discovery_with_nonsense_is_not_ready_and_no_more(
    nats: Servers, gateway: Edge, worker: HostileWorker
) -> None:
    operator = await connected(nats, "operator")
    worker.head = NO_HEADERS
    for worker.body in PONGS:
        assert [] == await ask_all(operator, "STATS", 0.02), worker.body[:200]
    worker.body = PONGS[2]
    status, said = await get(gateway, "/readyz")
    silent = ", ".join(sorted({endpoint.service for endpoint in ENDPOINTS}))
    assert (503, True) == (status, f"no answer from {silent}".encode() in said)
    await operator.close()


async def test_mesh_ls_shows_what_a_worker_calls_itself_and_obeys_nothing(
    nats: Servers, worker: HostileWorker, tmp_path: Path
) -> None:
    odd = "\x1b]0;title\x07\x9b2J\u202egrün\r\n"
    document = {"name": f"products{odd}", "id": f"i{odd}", "version": f"1{odd}", "metadata": None}
    worker.head, worker.body = NO_HEADERS, json.dumps(document).encode()
    seed = tmp_path / "operator.nk"
    seed.write_text(nats.nats_seeds["operator"])
    seed.chmod(0o600)
    environment = {"NATS_URL": nats.nats_url, "NATS_NKEY_SEED_FILE": str(seed), "PYTHONUTF8": "1"}

    async def ls(*options: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli.main", "ls", *options, stdout=-1, stderr=-1, env=environment
        )
        out, err = await process.communicate()
        assert 0 == process.returncode
        assert err.decode() in {"", f"{UNSEEN}\n"}
        return out.decode()

    for said in await asyncio.gather(ls(), ls("--json")):
        [line] = [line for line in said.split("\n") if "grün" in line]
        assert "\\u001b" in line
        assert said.replace("\n", "").isprintable()

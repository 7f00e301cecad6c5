"""Messages that nobody can read, and messages that are too large: a problem for their sender, for nobody else."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import nkeys
import pytest
from httpx2 import AsyncClient

from contracts.products import GetProduct
from mesh.core.errors import RemoteFault, TooLarge
from mesh.nats.transport import NatsTransport
from subjects import PRODUCTS_GET
from tests.faults.single import Single, single
from tests.faults.slow_products import OVERSIZED
from tests.support.load.figures import Figures

POISON = (
    b"",
    b"null",
    b"\xff\xfe",
    b"\x00" * 1000,
    b"[" * 5000,
    b'{"product_id":' + b"9" * 5000 + b"}",
    b'{"product_id":1e400}',
    b'{"product_id":true}',
    b'{"product_id":"\\ud800"}',
    b'{"product_id":1,"\\u0000":1}',
)
UNREADABLE = (
    b"PUB products.get _INBOX_operator.\xff 2\r\n{}\r\n",
    b"HPUB products.get _INBOX_operator.a 12 14\r\nNATS/9.9\r\n\r\n{}\r\n",
    b"HPUB products.get _INBOX_operator.a 12 14\r\nNATS/1.0\r\xff\r\n{}\r\n",
    b"HPUB products.get _INBOX_operator.a 20 22\r\nNATS/1.0\r\n\xff\xfe: \xff\r\n\r\n{}\r\n"[:71],
    b"HPUB products.get _INBOX_operator.a 19 21\r\nNATS/1.0\r\nabcde\r\n\r\n{}\r\n",
)
PATHS = ("/v1/products/%00", "/v1/products/%ff", "/v1/products/-1", "/v1/products/9" + "9" * 300, "/v1/nothing")


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Single]:
    slow = {"products": "tests.faults.slow_products"}
    async with single(tmp_path_factory.mktemp("poison"), ["nats"], slow, SECONDS="0") as mesh:
        yield mesh


@pytest.fixture
async def unharmed(mesh: Single) -> AsyncIterator[None]:
    """Neither worker nor gateway may end or lose its connection in the test, and both must serve after it."""
    before = {name: mesh.pid(name) for name in mesh.processes}
    yield
    async with AsyncClient(base_url=mesh.url, timeout=20) as http:
        assert "Slow" == (await http.get("/v1/products/1")).json()["product_name"]
    for name, process in mesh.processes.items():
        assert process.running
        assert before[name] == mesh.pid(name)
        log = process.log.read_text()
        assert "nats_disconnected" not in log
        assert "handler_failed" not in log
        assert "undeclared_fault" not in log


async def test_poison_over_nats_is_a_problem_each_time(mesh: Single, unharmed: None, figures: Figures) -> None:
    operator = (await mesh.connect("operator")).transport
    count = 1000 if figures.long else 200
    for number in range(count):
        reply = await operator.request("products.get", POISON[number % len(POISON)], {}, 5)
        assert "422" == reply.headers["Nats-Service-Error-Code"]
        assert {"invalid_payload", "malformed_json"} >= {json.loads(reply.payload)["reason"]}
    await operator.close()
    figures.add("poison over NATS", requests=count)


async def test_poison_over_http_is_a_problem_each_time(mesh: Single, unharmed: None, figures: Figures) -> None:
    count = 1000 if figures.long else 200
    async with AsyncClient(base_url=mesh.url, timeout=20) as http:
        for number in range(count):
            if number % 2:
                headers = {"content-type": "application/json"}
                body = POISON[number // 2 % len(POISON)]
                answer = await http.post("/v1/auth/login", content=body, headers=headers)
            else:
                answer = await http.get(PATHS[number // 2 % len(PATHS)])
            assert 400 <= answer.status_code < 500, answer.text
            assert answer.status_code == answer.json()["status"]
    figures.add("poison over HTTP", requests=count)


async def test_what_cannot_be_decoded_costs_no_connection(mesh: Single, unharmed: None, figures: Figures) -> None:
    user = mesh.nats("operator")
    key = nkeys.from_seed(bytearray(user["nats_nkey_seed"].encode()))
    address = urlsplit(user["nats_url"])
    count = 1000 if figures.long else 200
    for number in range(count):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        nonce = json.loads((await reader.readline()).removeprefix(b"INFO "))["nonce"]
        signature = base64.b64encode(key.sign(nonce.encode())).decode()
        hello = {"nkey": key.public_key.decode(), "sig": signature, "headers": True, "verbose": False}
        connect = f"CONNECT {json.dumps(hello)}\r\n".encode()
        writer.write(connect + UNREADABLE[number % len(UNREADABLE)] + b"PING\r\n")
        try:
            while (line := await reader.readline()) and not line.startswith((b"PONG", b"-ERR")):
                pass
        finally:
            writer.close()
    assert "nats_message_malformed" in mesh.processes["products"].log.read_text()
    figures.add("poison on the wire", requests=count)


async def test_what_is_too_large_is_413_and_connections_stay(mesh: Single, unharmed: None, figures: Figures) -> None:
    caller = await mesh.connect()
    assert isinstance(caller.transport, NatsTransport)
    count = 1000 if figures.long else 20
    async with AsyncClient(base_url=mesh.url, timeout=20) as http:
        for _ in range(count):
            with pytest.raises(TooLarge):
                await caller.transport.request("products.get", b"x" * 2**21, {}, 5)
            with pytest.raises(RemoteFault, match="limit"):
                await caller.call(PRODUCTS_GET, GetProduct(product_id=OVERSIZED))
            answer = await http.get(f"/v1/products/{OVERSIZED}")
            assert (413, "message_too_large") == (answer.status_code, answer.json()["reason"])
        large = b'{"email": "' + b"x" * 2**20 + b'"}'
        answer = await http.post("/v1/auth/login", content=large, headers={"content-type": "application/json"})
        assert (413, "body_too_large") == (answer.status_code, answer.json()["reason"])
    assert caller.transport.connected
    figures.add("oversized", requests=3 * count + 1)
    await caller.transport.close()

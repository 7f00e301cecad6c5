"""The products worker in TypeScript keeps its bounds and deadlines, also when it is stopped or its database is away."""

import asyncio
import json
import secrets
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from mesh.transport.base import Message
from tests.support.contract.callers import Wire
from tests.support.contract.givens import Givens
from tests.support.polyglot import needs_products_ts
from tests.support.products_pool import PYTHON, TYPESCRIPT, ProductsPool
from tests.support.servers.processes import Process

pytestmark = needs_products_ts


class Proxy:
    """The way to a database, which a test closes and opens."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._open = True
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """The URL of the database by this way."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        place = f"{self._parts.username}:{self._parts.password}@127.0.0.1:{port}"
        return urlunsplit(self._parts._replace(netloc=place))

    def close(self) -> None:
        """Break all connections, and refuse new ones."""
        self._open = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def end(self) -> None:
        """Listen no longer."""
        self.close()
        self._server.close()
        await asyncio.gather(*self._serving)

    def open(self) -> None:
        """Let connections pass."""
        self._open = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.close()
            return
        own = asyncio.current_task()
        assert own is not None
        self._serving.append(own)
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._writers += [writer, back]
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


@asynccontextmanager
async def worker(pool: ProductsPool, **environment: str) -> AsyncIterator[Process]:
    """One worker, which serves alone."""
    await pool.serve()
    async with pool.process(TYPESCRIPT, environment) as process:
        await pool.until_ready(1)
        yield process


@asynccontextmanager
async def locked(pool: ProductsPool, product: object) -> AsyncIterator[None]:
    """A transaction holds the product's row: changes of it wait."""
    connection = await asyncpg.connect(pool.environment["PRODUCTS_DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM products WHERE product_id = $1 FOR UPDATE", product)
            yield
    finally:
        await connection.close()


async def waits(pool: ProductsPool) -> None:
    """Return once a statement waits for a lock."""
    connection = await asyncpg.connect(pool.environment["PRODUCTS_DATABASE_URL"])
    try:
        while not await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


def problem(reply: Message) -> tuple[str, str]:
    body = json.loads(reply.payload)
    return body["code"], body["reason"]


def receive(wire: Wire, givens: Givens, product: object, **headers: str) -> asyncio.Task[Message]:
    body = json.dumps({"product_id": product, "quantity": 1, "reason": "came"}).encode()
    return asyncio.create_task(wire.send("products.stock.receive", body, givens.token("admin"), **headers))


async def last_change(wire: Wire) -> Message:
    """The newest event of a product."""
    return await wire.operator.request("$JS.API.DIRECT.GET.EVENTS.events.products.changed", b"", {}, 5)


async def made(pool: ProductsPool, givens: Givens) -> object:
    await pool.serve(PYTHON)
    return await givens.fill("{product}")


async def test_one_request_too_many_is_refused_at_once(pool: ProductsPool, wire: Wire, givens: Givens) -> None:
    product = await made(pool, givens)
    async with worker(pool, MESH_CONCURRENCY="1", MESH_QUEUE_SIZE="0"):
        async with locked(pool, product):
            held = receive(wire, givens, product)
            await waits(pool)
            began = time.monotonic()
            refused = await wire.send("products.get", b'{"product_id":1}')
            assert ("overloaded", "queue_full") == problem(refused)
            assert time.monotonic() - began < 1, "the other one still waits"
            assert not held.done()
        assert 1 == json.loads((await held).payload)["units_in_stock"]


async def test_a_request_that_waits_gets_its_turn(pool: ProductsPool, wire: Wire, givens: Givens) -> None:
    product = await made(pool, givens)
    async with worker(pool, MESH_CONCURRENCY="1"):
        async with locked(pool, product):
            held = receive(wire, givens, product)
            await waits(pool)
            waiting = asyncio.create_task(wire.send("products.get", b'{"product_id":1}'))
        assert 1 == json.loads((await held).payload)["units_in_stock"]
        assert 1 == json.loads((await waiting).payload)["product_id"]


async def test_at_its_deadline_a_request_is_answered_and_its_write_is_not_made(
    pool: ProductsPool, wire: Wire, givens: Givens
) -> None:
    product = await made(pool, givens)
    async with worker(pool):
        async with locked(pool, product):
            late = await receive(wire, givens, product, Request_Timeout="300")
            assert ("deadline_exceeded", "deadline_exceeded") == problem(late)
        assert 0 == (await wire.ask("products.stock.get", product_id=product))["units_in_stock"]


async def test_sigterm_loses_no_request(pool: ProductsPool, wire: Wire, givens: Givens) -> None:
    product = await made(pool, givens)
    async with worker(pool, MESH_CONCURRENCY="2") as process:
        async with locked(pool, product):
            sent = [receive(wire, givens, product) for _ in range(5)]
            await waits(pool)
            process.signal(signal.SIGTERM)
            await process.said("service_draining")
            assert process.running
        stocks = [json.loads(reply.payload)["units_in_stock"] for reply in await asyncio.gather(*sent)]
        assert [1, 2, 3, 4, 5] == sorted(stocks)
        assert 0 == await process.wait()


async def test_it_leaves_the_pool_while_its_database_is_away(pool: ProductsPool, wire: Wire, givens: Givens) -> None:
    proxy = Proxy(pool.environment["PRODUCTS_DATABASE_URL"])
    async with worker(pool, PRODUCTS_DATABASE_URL=await proxy.start()):
        proxy.close()
        while (found := await pool.ask("PING"))[0].ready:
            await asyncio.sleep(0.02)
        assert found[0].reason.startswith("the database does not answer")
        proxy.open()
        await pool.until_ready(1)
        assert 1 == (await wire.ask("products.get", product_id=1))["product_id"]
    await proxy.end()


async def test_its_log_has_the_request_and_the_trace(pool: ProductsPool, wire: Wire, givens: Givens) -> None:
    product = await made(pool, givens)
    trace, request_id = secrets.token_hex(16), f"logged-{secrets.token_hex(4)}"
    async with worker(pool) as process:
        change = {"product_id": product, "expected_version": 1, "patch": {"reorder_level": 2}}
        headers = {"X_Request_Id": request_id, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        await wire.send("products.update", json.dumps(change).encode(), givens.token("admin"), **headers)
        line = await process.said("request")
        assert ("products.update", "ok", request_id, trace) == (
            line["subject"],
            line["outcome"],
            line["request_id"],
            line["trace_id"],
        )
        event = await last_change(wire)
        while event.headers.get("X-Request-Id") != request_id:
            event = await last_change(wire)
        assert headers["traceparent"] == event.headers["traceparent"]


def test_it_is_not_ready_before_there_are_tables(pool: ProductsPool) -> None:
    assert "the database does not answer" in pool.first_reason
    assert "relation" in pool.first_reason or "tables" in pool.first_reason


async def test_beside_an_exclusive_instance_it_waits(pool: ProductsPool, wire: Wire) -> None:
    await pool.serve(TYPESCRIPT)
    roster = b'{"instances":[{"id":"0","pool":"exclusive"}]}'
    await wire.operator.publish("$SRV.PING.products", roster)
    while (found := await pool.ask("PING"))[0].ready:
        await asyncio.sleep(0.02)
    assert found[0].reason.startswith("another instance serves")
    await wire.operator.publish("$SRV.PING.products", b'{"instances":[]}')
    await pool.until_ready(1)


async def test_a_request_that_waits_for_a_connection_is_served_once_one_is_free(
    pool: ProductsPool, wire: Wire, givens: Givens
) -> None:
    """The only connection is taken for two seconds: until its statement gives up on the lock."""
    product = await made(pool, givens)
    async with worker(pool, PRODUCTS_POOL_SIZE="1"), locked(pool, product):
        first = receive(wire, givens, product)
        await waits(pool)
        reply = await wire.send("products.get", json.dumps({"product_id": product}).encode(), None)
        await first

    assert product == json.loads(reply.payload).get("product_id"), reply.payload

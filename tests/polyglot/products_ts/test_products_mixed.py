"""Workers of products in TypeScript and in Python share one state: each goes on where the other has stopped."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.products import ProductSort
from mesh.transport.base import Message
from mesh.wire.names import ERROR_CODE
from tests.support.contract.callers import Wire
from tests.support.contract.givens import Givens
from tests.support.polyglot import needs_products_ts
from tests.support.products_pool import PYTHON, TYPESCRIPT, ProductsPool

pytestmark = needs_products_ts
SEARCHES = ("CHÂ", "sauce", "röst", "%", "_", "l'", "kō", "\u00b4", "GUARANA")
NAMES = ("Straße İstanbul", "ﬁle\u00ad ½", "Smørrebrød Æther", "한국 김치", "a\u0308 \U0001f600", "x\u2028y\u007f")


@dataclass
class Recorder:
    """Sends requests, and keeps them with their replies."""

    wire: Wire
    token: str | None
    kept: list[tuple[str, bytes, dict[str, str], bytes]] = field(default_factory=list)

    async def send(self, subject: str, headers: dict[str, str], **arguments: object) -> Any:  # noqa: ANN401  # any JSON
        """The reply, which must be no error."""
        body = json.dumps(arguments).encode()
        reply = await self._send(subject, body, headers)
        assert ERROR_CODE not in reply.headers, reply.payload
        self.kept.append((subject, body, headers, reply.payload))
        return json.loads(reply.payload)

    async def walk(self, subject: str, **arguments: object) -> None:
        """Read all pages."""
        cursor: str | None = None
        while True:
            following = {} if cursor is None else {"cursor": cursor}
            page = await self.send(subject, {}, **arguments, limit=7, **following)
            if (cursor := page["next_cursor"]) is None:
                return

    async def repeat(self) -> None:
        """Send all of them again: the replies are the same, byte for byte."""
        for subject, body, headers, payload in self.kept:
            assert payload == (await self._send(subject, body, headers)).payload, (subject, body)

    async def _send(self, subject: str, body: bytes, headers: dict[str, str]) -> Message:
        named = {name.replace("-", "_"): value for name, value in headers.items()}
        return await self.wire.send(subject, body, self.token, **named)


async def writes(recorder: Recorder) -> int:
    """Everything that a key or an order makes repeatable. Returns the product."""
    run = random.randbytes(8).hex()
    keyed = ({"Idempotency-Key": f"{run} {number}"} for number in range(100))
    for name in NAMES:
        made = await recorder.send("products.create", next(keyed), product_name=name, unit_price="18.5", supplier_id=1)
    product: int = made["product_id"]
    one = {"product_id": product}
    patch = {"patch": {"units_in_stock": 9, "category_id": None, "product_name": 'Ünï\t"x"'}, "expected_version": 1}
    await recorder.send("products.update", next(keyed), **one, **patch)
    await recorder.send("products.stock.receive", next(keyed), **one, quantity=5, reason="came")
    await recorder.send("products.stock.adjust", next(keyed), **one, change=-2, reason="broke")
    kept, gone, refused, held = random.sample(range(10**9, 2**31 - 1), 4)
    for order, units in ((kept, 3), (gone, 2), (refused, 99)):
        lines = [{**one, "quantity": units}, {"product_id": product, "quantity": 1}]
        await recorder.send("products.stock.reserve", {}, order_id=order, lines=lines)
    recorder.kept = [one for one in recorder.kept if b'"state":"reserved"' not in one[3]]
    for _ in range(2):
        await recorder.send("products.stock.reserve", {}, order_id=held, lines=[{**one, "quantity": 1}])
        await recorder.send("products.stock.commit", {}, order_id=kept)
        await recorder.send("products.stock.release", {}, order_id=gone)
        await recorder.send("products.stock.reserve", {}, order_id=refused, lines=lines)
    await recorder.send("products.discontinue", next(keyed), **one)
    return product


async def reads(recorder: Recorder, product: int) -> None:
    """Every list in every order, and what is found."""
    for sort in (*ProductSort, "units_in_stock,-unit_price", "-unit_price,-product_name", "-units_in_stock,product_id"):
        await recorder.walk("products.list", sort=sort, min_price="1", supplier_id=None)
    await recorder.walk("products.list", count=True, discontinued=False)
    dates = {"created_after": "2000-01-01T00:00:00.5Z", "created_before": "2999-12-31T23:59:59Z"}
    await recorder.walk("products.list", **dates, updated_after="2000-02-29T00:00:00Z", count=True)
    await recorder.walk("products.list", updated_before="2000-02-29T00:00:00Z", updated_after=None)
    await recorder.walk("products.categories.list")
    await recorder.walk("products.suppliers.list")
    await recorder.walk("products.stock.movements", product_id=product)
    for text in (*SEARCHES, *NAMES):
        await recorder.walk("products.list", q=text, sort="product_name")
    await recorder.send("products.get", {}, product_id=product)
    await recorder.send("products.stock.get", {}, product_id=product)
    await recorder.send("products.suppliers.get", {}, supplier_id=29)
    await recorder.send("products.get_many", {}, product_ids=[product, 2**31 - 1, 1, product])


@pytest.mark.parametrize(("first", "second"), [(TYPESCRIPT, PYTHON), (PYTHON, TYPESCRIPT)])
async def test_each_repeats_what_the_other_has_answered_byte_for_byte(
    first: str, second: str, pool: ProductsPool, wire: Wire, givens: Givens
) -> None:
    recorder = Recorder(wire, givens.token("admin"))
    await pool.serve(first)
    await reads(recorder, await writes(recorder))
    await pool.serve(second)
    await recorder.repeat()


@pytest.mark.parametrize(("first", "second"), [(TYPESCRIPT, PYTHON), (PYTHON, TYPESCRIPT)])
async def test_a_key_of_the_other_refuses_another_payload(
    first: str, second: str, pool: ProductsPool, wire: Wire, givens: Givens
) -> None:
    key, token = random.randbytes(8).hex(), givens.token("admin")
    new = {"product_name": "Chai", "unit_price": "18.5"}
    await pool.serve(first)
    await wire.send("products.create", json.dumps(new).encode(), token, Idempotency_Key=key)
    await pool.serve(second)
    other = json.dumps({**new, "unit_price": "18.50"}).encode()
    refused = json.loads((await wire.send("products.create", other, token, Idempotency_Key=key)).payload)
    assert "idempotency_key_reused" == refused["reason"]


@pytest.mark.parametrize("language", [TYPESCRIPT, PYTHON])
async def test_each_change_of_the_units_in_stock_is_announced(
    language: str, pool: ProductsPool, wire: Wire, givens: Givens
) -> None:
    await pool.serve(language)
    recorder, order, gone = Recorder(wire, givens.token("admin")), *random.sample(range(10**9, 2**31 - 1), 2)
    made = await recorder.send("products.create", {}, product_name="Chai", unit_price="18.5")
    one = {"product_id": made["product_id"]}
    await recorder.send("products.stock.receive", {}, **one, quantity=5, reason="came")
    await recorder.send("products.stock.adjust", {}, **one, change=-2, reason="broke")
    before = await recorder.send("products.get", {}, **one)
    for number in (order, gone):
        await recorder.send("products.stock.reserve", {}, order_id=number, lines=[{**one, "quantity": 1}])
    await recorder.send("products.stock.release", {}, order_id=gone)
    assert before == await recorder.send("products.get", {}, **one)
    for _ in range(2):
        await recorder.send("products.stock.commit", {}, order_id=order)
    await recorder.send("products.update", {}, **one, patch={"units_in_stock": 9}, expected_version=4)

    heard = [version async for version in versions(wire, made["product_id"], last=5)]

    assert [1, 2, 3, 4, 5] == heard  # create, receive, adjust, commit, update; what is reserved changes no version


async def versions(wire: Wire, product: int, last: int) -> AsyncIterator[int]:
    """The versions of the product that were announced, up to the last one. Waits until that is in the stream."""
    sequence = 1
    while True:
        following = json.dumps({"seq": sequence, "next_by_subj": "events.products.changed"}).encode()
        message = await wire.operator.request("$JS.API.DIRECT.GET.EVENTS", following, {}, 5)
        if not message.payload:
            await asyncio.sleep(0.02)
            continue
        sequence = int(message.headers["Nats-Sequence"]) + 1
        changed = json.loads(message.payload)
        if product == changed["product_id"]:
            yield changed["version"]
            if last == changed["version"]:
                return


async def test_in_one_pool_both_serve_and_nobody_notices(pool: ProductsPool, wire: Wire, givens: Givens) -> None:
    await pool.serve(TYPESCRIPT, PYTHON)
    recorder = Recorder(wire, givens.token("admin"))
    await reads(recorder, await writes(recorder))
    for _ in range(3):
        await recorder.repeat()
    served = [sum(one.num_requests for one in stats.endpoints) for stats in await pool.ask("STATS", 2)]
    assert 2 == len([requests for requests in served if requests > 100]), served
    assert 1 == len(
        {tuple(sorted((one.subject, one.contract) for one in i.endpoints)) for i in await pool.ask("INFO", 2)}
    )


async def test_of_one_key_sent_to_both_at_once_one_write_is_made(
    pool: ProductsPool, wire: Wire, givens: Givens
) -> None:
    await pool.serve(TYPESCRIPT, PYTHON)
    new = json.dumps({"product_name": "Once", "unit_price": "1"}).encode()
    for _ in range(5):
        key = random.randbytes(8).hex()
        sending = (wire.send("products.create", new, givens.token("admin"), Idempotency_Key=key) for _ in range(10))
        assert 1 == len({reply.payload for reply in await asyncio.gather(*sending)})

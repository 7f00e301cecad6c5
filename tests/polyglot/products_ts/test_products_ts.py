"""The products worker in TypeScript answers, alone, as the golden files and the test vectors say."""

import asyncio
import json
import secrets

import pytest

from conform.golden import differences
from mesh.wire.names import ERROR_CODE
from tests.support.contract import golden
from tests.support.contract.callers import Wire
from tests.support.contract.givens import Givens
from tests.support.contract.golden import Example, Refusal
from tests.support.contract.replies import failure, success
from tests.support.paths import ROOT
from tests.support.polyglot import needs_products_ts
from tests.support.products_pool import TYPESCRIPT, ProductsPool

pytestmark = needs_products_ts
EXAMPLES = [one for one in golden.examples() if one.subject.startswith("products.")]
REFUSALS = [one for one in golden.refusals() if one.subject.startswith("products.")]


@pytest.fixture(scope="module", autouse=True)
async def _alone(pool: ProductsPool) -> None:
    await pool.serve(TYPESCRIPT)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.subject)
async def test_a_reply_is_the_golden_one(example: Example, wire: Wire, givens: Givens) -> None:
    request_id = f"golden-{secrets.token_hex(8)}"
    request = json.dumps(await givens.fill(example.request)).encode()

    reply = await wire.send(example.subject, request, givens.token(example.account), X_Request_Id=request_id)

    assert [] == differences(await givens.fill(example.reply), success(reply, request_id))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal.subject}-{refusal.reason}")
async def test_an_error_is_the_golden_one(refusal: Refusal, wire: Wire, givens: Givens) -> None:
    request_id = f"golden-{secrets.token_hex(8)}"
    request = json.dumps(await givens.fill(refusal.request)).encode()
    headers = {"X_Request_Id": request_id}
    token = givens.token(refusal.account)
    if refusal.after is not None:
        headers["Idempotency_Key"] = request_id
        first = json.dumps(await givens.fill(refusal.after)).encode()
        success(await wire.send(refusal.subject, first, token, **headers), request_id)
    replies = await asyncio.gather(
        *(wire.send(refusal.subject, request, token, **headers) for _ in range(refusal.at_once))
    )
    reply = next((one for one in replies if one.headers.get(ERROR_CODE) == str(refusal.number)), replies[0])

    assert refusal.fields == failure(reply, request_id, refusal.number, refusal.code, refusal.reason)


async def test_discovery_tells_of_it_what_the_contracts_say(pool: ProductsPool) -> None:
    contracts = json.loads((ROOT / "docs" / "contracts" / "contracts.json").read_bytes())
    expected = {
        subject: one["contract"] for subject, one in contracts["endpoints"].items() if one["service"] == "products"
    }
    [info] = await pool.ask("INFO")
    assert expected == {one.subject: one.contract for one in info.endpoints}
    assert info.metadata is not None
    expected_hash = contracts["services"]["products"]
    assert (contracts["version"], expected_hash) == (info.contract_version, info.metadata["contract"])
    [stats] = await pool.ask("STATS")
    assert {"q"} == {one.queue_group for one in stats.endpoints}
    assert 0 < sum(one.num_requests for one in stats.endpoints)


async def test_an_event_of_a_change_is_in_the_stream_and_no_longer_in_the_outbox(wire: Wire, givens: Givens) -> None:
    changed = await wire.ask("products.discontinue", givens.token("admin"), product_id=await givens.fill("{product}"))
    subject = "events.products.changed"
    expected = {"product_id": changed["product_id"], "version": changed["version"]}
    while True:
        message = await wire.operator.request(f"$JS.API.DIRECT.GET.EVENTS.{subject}", b"", {}, 5)
        if message.payload and expected == json.loads(message.payload):
            break
        await asyncio.sleep(0.02)
    headers = {
        name: value for name, value in message.headers.items() if name in golden.event_examples()[subject].headers
    }
    example = {**golden.event_examples()[subject].headers, "ce-subject": str(changed["product_id"])}
    assert [] == differences(example, headers, "headers")

"""Pact's own verifier takes the files as they are, and reaches the live workers through a small bridge."""

import asyncio
import json
from collections.abc import Mapping

import pytest
from pact import Verifier

from ops.contracts.pacts.reading import Interaction, read_pact
from tests.support.contract.callers import Account, Wire
from tests.support.contract.givens import Givens
from tests.support.contract.pact_bridge import bridge
from tests.support.paths import ROOT

FOLDER = ROOT / "docs" / "contracts" / "consumers"


@pytest.mark.parametrize("file", ["gateway/customers.json", "orders/products.json"])
async def test_pacts_verifier_verifies_live_workers(file: str, wire: Wire, accounts: Mapping[str, Account]) -> None:
    pact, loop = read_pact(FOLDER / file), asyncio.get_running_loop()
    interactions = {one.description: one for one in pact.interactions}

    async def reply(one: Interaction) -> bytes:
        givens = Givens(wire, accounts)
        request = json.dumps(await givens.fill(one.request)).encode()
        return (await wire.send(one.subject, request, givens.token(one.account))).payload

    def ask(description: str) -> bytes:
        return asyncio.run_coroutine_threadsafe(reply(interactions[description]), loop).result(20)

    with bridge(ask) as made:
        verifier = Verifier(pact.provider).add_transport(protocol="message", port=made.port, path="/messages")
        verifier.state_handler(made.states_url, teardown=False, body=True).add_source(FOLDER / file)
        await asyncio.to_thread(verifier.verify)

    judged = {one["description"]: one["result"] for one in verifier.results["interactionResults"]}
    assert dict.fromkeys(interactions, "OK") == judged
    assert {state["name"] for one in pact.interactions for state in one.document["providerStates"]} == made.states

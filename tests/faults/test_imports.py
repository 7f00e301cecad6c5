"""Processes that are killed in the middle of an import: no row is written twice, and none is claimed that is not."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

from httpx2 import AsyncClient, HTTPError

from contracts.customers_import import MOST_ROWS
from tests.faults.meshes import Mesh
from tests.faults.writes import Writer, free_ids, in_database
from tests.support.load.figures import Figures
from tests.support.load.traffic import traffic

_WORKERS: Final = ("customers-1", "customers-2")
_GATEWAY: Final = "gateway-1"
_PATIENCE: Final = 60.0


@dataclass
class Imported:
    """What an import has answered so far."""

    outcomes: dict[str, str] = field(default_factory=dict)
    """By customer."""
    last: dict[str, Any] | None = None
    """The last line, once it is there."""


async def test_an_import_outlives_killed_workers(pairs: Mesh, figures: Figures) -> None:
    ids = free_ids((400 if figures.long else 40) * MOST_ROWS)
    async with traffic([Writer(pairs.http, pairs.token).write], at_once=4) as load:
        told, importing = _begun(pairs, ids)
        await _until_answered(told, 2 * MOST_ROWS)
        await asyncio.gather(*map(pairs.stack.kill, _WORKERS))
        assert not told.last
        await importing
    for name in _WORKERS:
        await pairs.stack.until_serving(name)

    figures.add("kill -9 of both workers, an import", rows=len(ids), **load.outcomes.figures())
    assert told.last
    if told.last["incomplete"]:  # a busy machine has not started a worker while the gateway tried
        assert [*told.outcomes] == ids[: told.last["created"]]
        told, importing = _begun(pairs, ids)
        await importing
    assert told.last
    assert (len(ids), None) == (told.last["created"], told.last["incomplete"])
    assert dict.fromkeys(ids, "created") == told.outcomes
    assert dict.fromkeys(ids, 1) == await in_database(pairs.stack, ids)


async def test_a_repetition_finishes_an_import_whose_gateway_and_workers_were_killed(
    pairs: Mesh, figures: Figures
) -> None:
    ids = free_ids((400 if figures.long else 40) * MOST_ROWS)
    told, importing = _begun(pairs, ids)
    await _until_answered(told, 2 * MOST_ROWS)
    await asyncio.gather(*map(pairs.stack.kill, (_GATEWAY, *_WORKERS)))
    await importing
    for name in (_GATEWAY, *_WORKERS):
        await pairs.stack.until_serving(name)

    written = await in_database(pairs.stack, ids)
    assert told.last is None
    assert {*told.outcomes} <= {*written} < {*ids}
    assert ids[: len(written)] == sorted(written)  # whole groups, one after the other
    assert 0 == len(written) % MOST_ROWS

    again, repeating = _begun(pairs, ids)
    await repeating

    figures.add("kill -9 of gateway and workers, an import", rows=len(ids), answered=len(told.outcomes))
    assert dict.fromkeys(ids, "created") == again.outcomes  # as the first try, by its Idempotency-Key
    assert dict.fromkeys(ids, 1) == await in_database(pairs.stack, ids)


def _begun(pairs: Mesh, ids: list[str]) -> tuple[Imported, asyncio.Task[None]]:
    """An import of new customers by the first gateway."""
    told = Imported()
    return told, asyncio.create_task(_import(pairs, ids, told))


async def _import(pairs: Mesh, ids: list[str], told: Imported) -> None:
    """Import them, until the end or the end of the connection."""
    body = "customer_id,company_name\r\n" + "".join(f"{one},Imported\r\n" for one in ids)
    headers = {**pairs.bearer, "Content-Type": "text/csv", "Idempotency-Key": ids[0]}
    url = f"{pairs.stack.state.gateway_urls[0]}/v1/customers/import"
    try:
        async with (
            AsyncClient(timeout=_PATIENCE) as http,
            http.stream("POST", url, content=body, headers=headers) as on,
        ):
            assert on.is_success
            async for line in on.aiter_lines():
                row = json.loads(line)
                if "outcome" in row:
                    told.outcomes[row["customer_id"]] = row["outcome"]
                else:
                    told.last = row
    except HTTPError:
        return


async def _until_answered(told: Imported, rows: int) -> None:
    while len(told.outcomes) < rows:
        await asyncio.sleep(0.01)

"""Two instances: each finds what the other wrote, and reads its cursors and keys; and what a poll tells them."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from conform.bus import NobodyServes, Reply
from conform.check import Skip, Tally, rule
from conform.discovered import Instances
from conform.kit import Kit
from conform.writes import writes

_TRIES = 48


async def _until_both(kit: Kit, subject: str, send: Callable[[], Awaitable[Reply]]) -> list[Reply]:
    """Repeat a request until each of the two instances has answered it. Raises Skip if one never does."""
    if kit.options.against is None:
        raise Skip("there is no other instance: --against")
    before, replies = await kit.instances.served(subject), list[Reply]()
    wanted = set(filter(None, (kit.options.against, kit.options.only))) or set(before)
    for number in range(_TRIES):
        replies.append(await send())
        if number % 8 == 7:  # noqa: PLR2004  # statistics are asked for now and then
            after = await kit.instances.served(subject)
            served = {one for one, count in after.items() if count[0] > before.get(one, (0, 0))[0]}
            if len(served) > 1 and wanted <= served:
                return replies
    raise Skip(f"NATS gave all {_TRIES} requests to one instance")


@rule("W-POOL-1")
async def each_finds_what_the_other_wrote(kit: Kit, tally: Tally) -> None:
    """A new row is found by both instances."""
    write = writes(kit)
    made = await kit.ask(write.create, await kit.givens.fill(write.request), account=write.account)
    request = {write.key: (made.body or {}).get(write.key)}
    for reply in await _until_both(kit, write.get.subject, lambda: kit.ask(write.get, request, account=write.account)):
        tally.expect(reply.body == made.body, f"{write.get.subject}: {reply.said}, or another row")


@rule("W-POOL-1")
async def each_reads_cursors_of_the_other(kit: Kit, tally: Tally) -> None:
    """A cursor gives the same page on both instances."""
    endpoint = kit.endpoint(f"{kit.options.service}.list")
    if endpoint is None:
        raise Skip("the service has no list")
    after = ((await kit.ask(endpoint, {"limit": 3})).body or {}).get("next_cursor")
    if after is None:
        raise Skip("there are fewer than four rows")
    replies = await _until_both(kit, endpoint.subject, lambda: kit.ask(endpoint, {"limit": 3, "cursor": after}))
    for reply in replies:
        tally.expect(reply.ok and reply.body == replies[0].body, f"{endpoint.subject}: {reply.said}, or another page")


@rule("W-POOL-1")
async def each_reads_keys_of_the_other(kit: Kit, tally: Tally) -> None:
    """A write with a key is executed once, whichever instance gets it."""
    write, key = writes(kit), f"conform-{kit.keys.number()}"
    request = {**await kit.givens.fill(write.request), write.text: "a\u0001\u2028\u00e9"}
    headers = {"Idempotency-Key": key}
    replies = await _until_both(
        kit, write.create.subject, lambda: kit.ask(write.create, request, account=write.account, headers=headers)
    )
    for reply in replies:
        tally.expect(reply.ok and reply.body == replies[0].body, f"{write.create.subject}: {reply.said}")


@rule("W-POOL-3")
async def an_exclusive_neighbour_is_avoided(kit: Kit, tally: Tally) -> None:
    """An instance that is told of an exclusive one is not ready and leaves the queue group, and returns."""
    if not kit.options.private:
        raise Skip("the bus is not private: others' polls would tell otherwise")
    everybody = Instances(kit.instances.bus, kit.options.service)  # a poll is sent to no single instance
    told = json.dumps({"instances": [{"id": "!conform", "pool": "exclusive"}]}).encode()
    for _ in range(2):
        found = await everybody.found("PING", told)
    tally.expect(bool(found) and not any(one.ready for one in found), "it is ready beside an exclusive instance")
    for one in found:
        reason = str(one.metadata.get("reason"))
        expected = "another instance serves, and one of the two cannot share its state"
        tally.expect(reason.startswith(expected), f"the reason is {reason!r}")
    await everybody.found("PING", b'{"instances":[]}')
    await kit.until_ready(5.0)
    await _served_again(kit)


async def _served_again(kit: Kit) -> None:
    """Wait until somebody has rejoined the queue group: an instance may say `ready` shortly before."""
    if not kit.endpoints:
        return
    async with asyncio.timeout(5.0):
        while True:
            try:
                await kit.ask(kit.open_endpoint(), b"{}")
            except NobodyServes:
                await asyncio.sleep(0.1)
            else:
                return

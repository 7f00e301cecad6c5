"""Golden examples: each subject answers as its file shows."""

import asyncio
from typing import Final

from conform.bus import Reply
from conform.check import Skip, Tally, rule
from conform.golden import Golden, differences, examples
from conform.kit import NO_TOKEN, Kit
from ops.contracts.tree import EndpointContract

_ELSEWHERE: Final = "dependency_unavailable"


@rule("W-OK-1")
async def replies_are_golden(kit: Kit, tally: Tally) -> None:
    """Each reply is that of the golden file, member by member."""
    for endpoint in kit.endpoints:
        for example in examples(kit.material.examples, endpoint.subject)[:1]:
            await _try(kit, tally, endpoint, example)


@rule("W-ERR-4")
async def errors_are_golden(kit: Kit, tally: Tally) -> None:
    """Each error is that of the golden file, with its reason and its fields."""
    for endpoint in kit.endpoints:
        for example in examples(kit.material.examples, endpoint.subject)[1:]:
            await _try(kit, tally, endpoint, example)


async def _try(kit: Kit, tally: Tally, endpoint: EndpointContract, example: Golden) -> None:
    givens = kit.givens
    try:
        token = kit.token(example.account) if example.account else NO_TOKEN
        request = await givens.fill(example.request)
        headers = {"Idempotency-Key": f"golden-{kit.keys.number()}"} if example.after is not None else {}
        if example.after is not None:
            await kit.ask(endpoint, await givens.fill(example.after), token=token, headers=headers)
        expected = await givens.fill(example.reply)
    except Skip as skip:
        tally.skip(f"{endpoint.subject}: {skip}")
        return
    sending = [kit.ask(endpoint, request, token=token, headers=headers) for _ in range(example.at_once)]
    replies = await asyncio.gather(*sending)
    reply = next((one for one in replies if one.reason == example.reason), replies[0])
    if reply.reason == _ELSEWHERE != example.reason:
        tally.skip(f"{endpoint.subject}: a service that it calls is not there, or lacks the row")
        return
    flaws = differences(expected, reply.body) if example.reason is None and reply.ok else _error(example, reply)
    tally.expect(not flaws, f"{endpoint.subject}: {'; '.join(flaws[:2])}")


def _error(example: Golden, reply: Reply) -> list[str]:
    if reply.reason != example.reason or reply.headers.get("Nats-Service-Error-Code", "0") != str(example.number):
        return [f"{example.reason or 'a success'} was expected, not {reply.said}"]
    if sorted(reply.fields) != sorted(example.fields):
        return [f"{example.reason} names {reply.fields}, not {list(example.fields)}"]
    return []

"""A flood: each request is answered once, at the worst with an `overloaded` at once."""

import asyncio
from typing import Final

from conform.bus import NoAnswer
from conform.check import Tally, rule
from conform.golden import examples
from conform.kit import Kit

_WITHIN: Final = 15.0


@rule("W-CALL-3")
async def a_full_queue_says_so_at_once(kit: Kit, tally: Tally) -> None:
    """Of a flood each request is answered, and some are `queue_full`: the queue has an end."""
    if not kit.options.flood:
        tally.skip("--flood 0")
        return
    kit.open_endpoint()  # raises Skip without any
    endpoint = max(kit.endpoints, key=lambda one: (one.read, one.max_reply))
    request = await kit.givens.fill(examples(kit.material.examples, endpoint.subject)[0].request)
    sending = (kit.ask(endpoint, request, timeout=_WITHIN) for _ in range(kit.options.flood))
    replies = await asyncio.gather(*sending, return_exceptions=True)
    lost = [one for one in replies if isinstance(one, NoAnswer)]
    refused = [one for one in replies if not isinstance(one, BaseException) and one.reason == "queue_full"]
    others = {one.reason for one in replies if not isinstance(one, BaseException) and not one.ok}
    others -= {"queue_full", "queue_too_slow", "deadline_exceeded"}
    if lost or others:
        unanswered = f"{len(lost)} of {len(replies)} were not answered within {_WITHIN:g} s"
        tally.expect(False, f"{unanswered}; answers {sorted(map(str, others))}")  # noqa: FBT003  # a fault
    elif not refused:
        tally.skip(f"{len(replies)} requests at once did not fill the queue")
    else:
        tally.tried = len(replies)

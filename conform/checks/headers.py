"""Header blocks and request ids, by the vectors."""

from typing import Any

from conform.bus import NoAnswer
from conform.check import Tally, rule
from conform.kit import Kit
from conform.observer import SENT_ID


async def _blocks(kit: Kit, tally: Tally, cases: list[dict[str, Any]]) -> None:
    endpoint = kit.open_endpoint()
    for case in cases:
        block = bytes.fromhex(case["hex"]) if "hex" in case else case["block"].encode()
        try:
            reply = await kit.ask(endpoint, b"{}", block=block, timeout=3)
        except NoAnswer as error:
            tally.expect(False, f"{case['why']}: {error}")  # noqa: FBT003  # a fault
            continue
        refused = reply.reason == "invalid_header"
        if not refused and "lenient" in case:
            tally.skip(f"{case['why']}: read by a library that hides the block (W-HDR-7)")
            continue
        if case["headers"] is None:
            tally.expect(refused, f"{case['why']}: {reply.said}")
            got = reply.headers.get("X-Request-Id", "")
            tally.expect(got not in {"r1", ""}, f"{case['why']}: the request id is {got!r}, not a new one")
        else:
            tally.expect("Idempotency-Key" in case["headers"] or not refused, f"{case['why']}: {reply.said}")
            sent = case["headers"].get("X-Request-Id", "")
            if SENT_ID.fullmatch(sent):
                tally.expect(reply.headers.get("X-Request-Id") == sent, f"{case['why']}: the request id is not {sent}")


@rule("W-HDR-3")
async def duplicate_headers_are_refused(kit: Kit, tally: Tally) -> None:
    """A block with a header of the contract twice is `invalid_header`; of other headers the last one counts."""
    await _blocks(kit, tally, [one for one in kit.material.cases("headers") if "twice" in one["why"]])


@rule("W-HDR-4")
async def long_blocks_are_refused(kit: Kit, tally: Tally) -> None:
    """A block has at most 100 headers and 32 KiB."""
    cases = [one for one in kit.material.cases("headers") if "10" in one["why"] or "KiB" in one["why"]]
    long = {"why": "33 KiB", "block": f"NATS/1.0\r\nA: {'x' * 33 * 1024}\r\n\r\n", "headers": None}
    await _blocks(kit, tally, [*cases, long])


@rule("W-HDR-1")
async def blocks_are_read_strictly(kit: Kit, tally: Tally) -> None:
    """What is no block by ADR-4 is `invalid_header`, with a new request id; all other blocks are read."""
    await _blocks(kit, tally, [one for one in kit.material.cases("headers") if "twice" not in one["why"]])


@rule("W-ID-1")
async def request_ids_are_kept_or_made(kit: Kit, tally: Tally) -> None:
    """A request id comes back if it is one; otherwise the worker makes 32 lower-case hex digits."""
    endpoint = kit.open_endpoint()
    for case in (one for one in kit.material.cases("request_ids") if "\n" not in one["id"]):  # W-HDR-7
        block = b"NATS/1.0\r\nX-Request-Id: %b\r\n\r\n" % case["id"].encode()
        reply = await kit.ask(endpoint, b"{}", block=block)
        got = reply.headers.get("X-Request-Id", "")
        made = len(got) == 32 and set(got) <= set("0123456789abcdef")  # noqa: PLR2004  # W-ID-1
        tally.expect(got == case["id"] if case["kept"] else made, f"{case['why']}: came back as {got[:40]!r}")

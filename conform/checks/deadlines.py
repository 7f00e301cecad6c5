"""Deadlines: late and malformed ones are refused, and clocks need not agree."""

import time

from conform.check import Tally, rule
from conform.kit import Kit


def _now() -> int:
    return int(time.time() * 1000)


@rule("W-DDL-1")
async def malformed_deadlines_are_refused(kit: Kit, tally: Tally) -> None:
    """A deadline that is not 1 to 15 ASCII digits is `invalid_header`, and names the header."""
    endpoint = kit.open_endpoint()
    for case in kit.material.cases("deadlines"):
        if case["left_ms"] is not None:
            continue
        lines = "".join(f"{name}:{value}\r\n" for name, value in case["headers"].items())
        if any(value != value.strip(" ") for value in case["headers"].values()):
            continue  # blanks around a value are not part of it on the wire
        reply = await kit.ask(endpoint, b"{}", block=f"NATS/1.0\r\n{lines}\r\n".encode())
        right = reply.reason == "invalid_header" and set(reply.fields) <= set(case["headers"]) and reply.fields
        tally.expect(bool(right), f"{case['headers']}: {reply.said} {reply.fields}")


@rule("W-DDL-3")
async def passed_deadlines_are_not_begun(kit: Kit, tally: Tally) -> None:
    """A request whose deadline has passed, or that has no time, is `deadline_exceeded`."""
    for endpoint in kit.endpoints:
        for headers in (
            {"Request-Deadline": "1000"},
            {"Request-Timeout": "0"},
            {"Request-Deadline": str(_now() - 5000)},
        ):
            reply = await kit.ask(endpoint, b"{}", headers=headers)
            tally.expect(reply.reason == "deadline_exceeded", f"{endpoint.subject}: {headers}: {reply.said}")


@rule("W-DDL-4")
async def clocks_need_not_agree(kit: Kit, tally: Tally) -> None:
    """With both headers, a caller whose clock is an hour off is served."""
    endpoint = kit.open_endpoint()
    for off in (-3600_000, 3600_000):
        headers = {"Request-Timeout": "4000", "Request-Deadline": str(_now() + off + 4000)}
        reply = await kit.ask(endpoint, b"{}", headers=headers)
        tally.expect(reply.reason != "deadline_exceeded", f"a clock that is {off // 1000} s off: {reply.said}")

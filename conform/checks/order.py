"""The order in which a worker looks for faults: the first one is the answer."""

from conform.check import Tally, rule
from conform.kit import NO_TOKEN, Kit

_BAD = {"Request-Timeout": "soon"}
_LATE = {"Request-Deadline": "1000"}


@rule("W-REQ-2")
async def the_first_fault_is_the_answer(kit: Kit, tally: Tally) -> None:
    """Of several faults the worker answers the one that comes first: size, headers, deadline, JSON, contract, token."""
    for endpoint in kit.endpoints:
        over = b"{" * (endpoint.max_request + 1)
        faults = [
            (over, _BAD, "request_too_large"),
            (b"{", {**_BAD, **_LATE}, "invalid_header"),
            (b"{", _LATE, "deadline_exceeded"),
            (b'{"a":1,"a":1}', {}, "malformed_json"),
            (b'{"nobody_knows":1}', {}, "invalid_payload"),
        ]
        for body, headers, reason in faults:
            reply = await kit.ask(endpoint, body, token=NO_TOKEN, headers=headers)
            tally.expect(reply.reason == reason, f"{endpoint.subject}: {reply.said}, not `{reason}`")

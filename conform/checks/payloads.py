"""Generated payloads: valid ones are accepted, invalid ones are refused, each with its field."""

from conform.check import Tally, rule
from conform.kit import Kit
from conform.payloads import invalid, valid

_OF_PAYLOADS = {"malformed_json", "invalid_payload", "invalid_header", "request_too_large"}
_BASES = 4


@rule("W-REQ-2")
async def valid_payloads_are_accepted(kit: Kit, tally: Tally) -> None:
    """No generated valid payload is refused for its form."""
    for endpoint in kit.endpoints:
        for payload in valid(endpoint.request, kit.options.payloads, kit.options.seed):
            reply = await kit.ask(endpoint, payload)
            refused = reply.reason in {*_OF_PAYLOADS, "internal"}
            named = f"{reply.said} {reply.fields}"
            tally.expect(not refused, f"{endpoint.subject}: {named} for {payload!r}"[:400])


@rule("W-VAL-1")
async def invalid_payloads_are_refused(kit: Kit, tally: Tally) -> None:
    """Each generated payload with one mistake is `invalid_payload`, and names the field."""
    for endpoint in kit.endpoints:
        bases = valid(endpoint.request, _BASES, kit.options.seed)
        for wrong in list(invalid(endpoint.request, bases))[: 4 * kit.options.payloads]:
            reply = await kit.ask(endpoint, wrong.payload)
            tally.expect(reply.reason == "invalid_payload", f"{endpoint.subject}: {wrong.why}: {reply.said}")
            if reply.reason == "invalid_payload":
                below = any(one == wrong.field or one.startswith(f"{wrong.field}.") for one in reply.fields)
                tally.expect(below, f"{endpoint.subject}: {wrong.why}: names {reply.fields}")

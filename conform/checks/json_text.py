"""JSON is read strictly: the vectors, and each rule on an endpoint of the service."""

from typing import Any

from conform.check import Tally, rule
from conform.kit import NO_TOKEN, Kit
from ops.contracts.tree import EndpointContract

_BROKEN = {"malformed_json"}
_EITHER = {"malformed_json", "invalid_payload"}


async def _refused(kit: Kit, tally: Tally, reasons: set[str], *bodies: bytes) -> None:
    for endpoint in kit.endpoints:
        for body in bodies:
            reply = await kit.ask(endpoint, body, token=NO_TOKEN)
            tally.expect(reply.reason in reasons, f"{endpoint.subject}: {body[:40]!r} is {reply.said}")


@rule("W-JSON-1")
async def no_name_occurs_twice(kit: Kit, tally: Tally) -> None:
    """A name that occurs twice is `malformed_json`, at any depth, and so is a surrogate that stands alone."""
    nested = b'{"nobody_knows":{"a":[{"b":1,"b":2}]}}'
    await _refused(kit, tally, _BROKEN, b'{"limit":1,"limit":1}', nested, b'{"q":"\\ud800"}', b'{"q":"\xff"}')


@rule("W-JSON-2")
async def names_are_compared_unescaped(kit: Kit, tally: Tally) -> None:
    """Two spellings of one name are one name."""
    await _refused(kit, tally, _BROKEN, b'{"a":1,"\\u0061":1}')


@rule("W-JSON-3")
async def nothing_stands_around_the_value(kit: Kit, tally: Tally) -> None:
    """A byte order mark, other white space and anything behind the value are `malformed_json`."""
    bodies = (b"\xef\xbb\xbf{}", b"\x0b{}", b"\xc2\xa0{}", b"{}{}", b"{}\x00", b"{} x")
    await _refused(kit, tally, _BROKEN, *bodies)


@rule("W-JSON-4")
async def what_is_no_json_is_refused(kit: Kit, tally: Tally) -> None:
    """NaN, comments, trailing commas, raw controls, leading zeros and plus signs are `malformed_json`."""
    values = (b"NaN", b"Infinity", b"01", b"+1", b"1,", b"1//", b'"\x01"', b"1.", b".5", b"'a'")
    await _refused(kit, tally, _BROKEN, *(b'{"limit":%b}' % value for value in values))


@rule("W-JSON-6")
async def deep_and_long_is_refused(kit: Kit, tally: Tally) -> None:
    """Values nested deeper than 100 levels and numbers of more than 400 characters are refused."""
    await _refused(kit, tally, _EITHER, b"[" * 1000 + b"]" * 1000, b'{"limit":%b}' % (b"9" * 5000))


@rule("W-JSON-7")
async def all_is_read_before_a_field_is_named(kit: Kit, tally: Tally) -> None:
    """A body with a wrong field and broken JSON behind it is `malformed_json`."""
    await _refused(kit, tally, _BROKEN, b'{"nobody_knows":1,"limit":"x"', b'{"nobody_knows":1,"b":{"c":1,"c":1}}')


@rule("W-JSON-5")
async def vectors_of_json(kit: Kit, tally: Tally) -> None:
    """Each payload of json.json is accepted or refused, with its fields and their reasons."""
    for case in kit.material.cases("json"):
        endpoint = kit.endpoint(case["subject"])
        if endpoint is None and case["reason"] == "malformed_json":
            endpoint = kit.open_endpoint()
        if endpoint is not None:
            await _case(kit, tally, endpoint, case)


async def _case(kit: Kit, tally: Tally, endpoint: EndpointContract, case: dict[str, Any]) -> None:
    body = bytes.fromhex(case["hex"]) if "hex" in case else case["payload"].encode()
    # Without a token, a valid write of these vectors is refused only for that: it changes nothing.
    reply = await kit.ask(endpoint, body, token=NO_TOKEN)
    if case["reason"] is None:
        tally.expect(reply.reason not in _EITHER, f"{case['why']}: {reply.said} {reply.fields}")
        return
    tally.expect(reply.reason == case["reason"], f"{case['why']}: {reply.said}")
    if reply.reason == case["reason"]:
        got = sorted((one["field"], one["reason"]) for one in reply.problem.get("errors", []))
        expected = sorted(map(tuple, case["errors"]))
        tally.expect(got == expected, f"{case['why']}: {got}, not {expected}")

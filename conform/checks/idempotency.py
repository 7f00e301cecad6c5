"""Idempotency-Keys: a write with one is executed once, whichever instance gets it."""

import asyncio
import json
from typing import Any

from conform.bus import Reply
from conform.check import Tally, rule
from conform.kit import Kit
from conform.writes import Write, writes

_ODD_TEXT = 'a\u0001\u001f\t"\\/\u007f\u2028\u2029\u00e9e\u0301\U0001f600'


async def _send(kit: Kit, write: Write, body: bytes | dict[str, Any], key: str, account: str | None = None) -> Reply:
    return await kit.ask(write.create, body, account=account or write.account, headers={"Idempotency-Key": key})


def _key(kit: Kit) -> str:
    return f"conform-{kit.keys.number()}"


@rule("W-IDEM-1")
async def a_write_is_executed_once(kit: Kit, tally: Tally) -> None:
    """The same key and payload get the first reply again, and another payload is `idempotency_key_reused`."""
    write, key = writes(kit), _key(kit)
    request = {**await kit.givens.fill(write.request), write.text: _ODD_TEXT}
    first = await _send(kit, write, request, key)
    tally.expect(first.ok, f"{write.create.subject}: {first.said}")
    for _ in range(3 if kit.options.against is None else 12):
        again = await _send(kit, write, request, key)
        tally.expect(again.ok and again.body == first.body, f"{write.create.subject}: repeated: {again.said}")
    other = await _send(kit, write, {**request, write.text: "another"}, key)
    tally.expect(other.reason == "idempotency_key_reused", f"another payload: {other.said}")


@rule("W-IDEM-10")
async def a_repetition_has_the_same_bytes(kit: Kit, tally: Tally) -> None:
    """A repetition gets the bytes of the first reply, whichever instance answers."""
    write, key = writes(kit), _key(kit)
    request = {**await kit.givens.fill(write.request), write.text: _ODD_TEXT}
    first = await _send(kit, write, request, key)
    for _ in range(3 if kit.options.against is None else 12):
        again = await _send(kit, write, request, key)
        tally.expect(again.payload == first.payload, f"{write.create.subject}: repeated: other bytes")


@rule("W-IDEM-5")
async def spellings_of_one_payload_are_one(kit: Kit, tally: Tally) -> None:
    """Order, spacing and escapes make no other payload; null and another character do."""
    write, key = writes(kit), _key(kit)
    request: dict[str, Any] = {**await kit.givens.fill(write.request), write.text: _ODD_TEXT}
    request = {name: value for name, value in request.items() if value is not None}
    first = await _send(kit, write, request, key)
    backwards = dict(reversed(request.items()))
    for body in (json.dumps(backwards, indent=3), json.dumps(request, ensure_ascii=True).replace("/", "\\/")):
        again = await _send(kit, write, body.encode(), key)
        tally.expect(again.ok and again.body == first.body, f"another spelling: {again.said}")
    absent = [n for n, one in write.create.request["properties"].items() if n not in request and "null" in one["type"]]
    for changed in [{**request, write.text: _ODD_TEXT + "."}, *({**request, name: None} for name in absent[:1])]:
        reply = await _send(kit, write, changed, key)
        tally.expect(reply.reason == "idempotency_key_reused", f"another payload: {reply.said}")


@rule("W-IDEM-2")
async def malformed_keys_are_refused(kit: Kit, tally: Tally) -> None:
    """A key that is empty, too long or not printable ASCII is `invalid_header`; the longest one is kept."""
    write = writes(kit)
    request = await kit.givens.fill(write.request)
    for key in ("", "x" * 256, "ä", "a\u0001b", "\u00a0"):
        reply = await _send(kit, write, request, key)
        right = reply.reason == "invalid_header" and reply.fields == ["Idempotency-Key"]
        tally.expect(right, f"{key[:10]!r}: {reply.said} {reply.fields}")
    longest = await _send(kit, write, request, _key(kit).ljust(255, "~"))
    tally.expect(longest.ok, f"255 characters: {longest.said}")


@rule("W-IDEM-3")
async def reads_do_not_read_the_key(kit: Kit, tally: Tally) -> None:
    """An endpoint that keeps no keys does not read the header."""
    for endpoint in (one for one in kit.endpoints if one.read and not one.keyed):
        plain = await kit.ask(endpoint, b"{}")
        odd = await kit.ask(endpoint, b"{}", headers={"Idempotency-Key": "ä" * 300})
        tally.expect(odd.reason == plain.reason, f"{endpoint.subject}: {odd.said}")


@rule("W-IDEM-4")
async def a_key_belongs_to_one_user(kit: Kit, tally: Tally) -> None:
    """Two users may use one key."""
    write, key = writes(kit), _key(kit)
    role = "admin" if write.create.access == "admin" else "user"
    for account in (role, f"other {role}"):
        reply = await _send(kit, write, await kit.givens.fill(write.request), key, account)
        tally.expect(reply.reason != "idempotency_key_reused", f"{account}: {reply.said}")


@rule("W-IDEM-8")
async def errors_are_not_kept(kit: Kit, tally: Tally) -> None:
    """After an error the same key may be used with another payload."""
    write, key = writes(kit), _key(kit)
    request = await kit.givens.fill(write.request)
    refused = await _send(kit, write, {**request, "nobody_knows": 1}, key)
    tally.expect(not refused.ok, "an unknown field was accepted")
    reply = await _send(kit, write, request, key)
    tally.expect(reply.ok, f"after an error: {reply.said}")


@rule("W-IDEM-9")
async def requests_at_once_are_one_write(kit: Kit, tally: Tally) -> None:
    """Of eight requests at once with one key one is executed, and all get its reply or may try again."""
    write, key = writes(kit), _key(kit)
    request = await kit.givens.fill(write.request)
    replies = await asyncio.gather(*(_send(kit, write, request, key) for _ in range(8)))
    bodies = {one.payload for one in replies if one.ok}
    rows = {json.dumps(json.loads(body), sort_keys=True) for body in bodies}
    tally.expect(len(rows) == 1, f"{len(rows)} different replies")
    for one in replies:
        fine = one.ok or one.reason in {"request_in_progress", "deadline_exceeded"}
        tally.expect(fine, f"at once: {one.said}")

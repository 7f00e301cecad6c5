"""Values: text is counted by code points, kept as it is sent, and shows something."""

from typing import Any

from conform.check import Skip, Tally, rule
from conform.golden import examples
from conform.kit import Kit
from conform.writes import writes

_BLANK = (" ", "\t\n", "\u00a0", "\u200b", "\ufeff", "\u2800", "\u3164", "\u0301", "\u00ad")


@rule("W-VAL-2")
async def lengths_count_code_points(kit: Kit, tally: Tally) -> None:
    """The longest text of astral characters fits, one more is `too_long`, and text comes back as it was sent."""
    write = writes(kit)
    most = write.create.request["properties"][write.text]["maxLength"]
    for text in ("\U0001f600" * most, "  two  blanks \u00a0", "e\u0301\u00e9", "\u2028a\u0001"):
        request = {**await kit.givens.fill(write.request), write.text: text}
        reply = await kit.ask(write.create, request, account=write.account)
        kept = reply.ok and (reply.body or {}).get(write.text) == text
        tally.expect(kept, f"{write.text} of {len(text)} characters: {reply.said}, or changed")
        if reply.ok:
            got = await kit.ask(write.get, {write.key: reply.body[write.key]}, account=write.account)
            tally.expect(got.body == reply.body, f"{write.get.subject} shows another row than was made")
    request = {**await kit.givens.fill(write.request), write.text: "\U0001f600" * (most + 1)}
    await _wrong(kit, tally, request, write.text, "too_long")


@rule("W-VAL-3")
async def no_text_has_nul(kit: Kit, tally: Tally) -> None:
    """A text with U+0000 is refused."""
    write = writes(kit)
    await _wrong(kit, tally, {**await kit.givens.fill(write.request), write.text: "a\0b"}, write.text, "pattern")


@rule("W-VAL-4")
async def blank_texts_are_refused(kit: Kit, tally: Tally) -> None:
    """A required text that shows nothing is `pattern`, and the empty one is `too_short`."""
    write = writes(kit)
    request = await kit.givens.fill(write.request)
    for text in _BLANK:
        await _wrong(kit, tally, {**request, write.text: text}, write.text, "pattern")
    await _wrong(kit, tally, {**request, write.text: ""}, write.text, "too_short")


async def _wrong(kit: Kit, tally: Tally, request: dict[str, Any], field: str, reason: str) -> None:
    write = writes(kit)
    reply = await kit.ask(write.create, request, account=write.account)
    got = [(one.get("field"), one.get("reason")) for one in reply.problem.get("errors", [])]
    tally.expect(got == [(field, reason)], f"{request[field][:10]!r}: {reply.said} {got}, not {reason}")


@rule("W-VAL-9")
async def a_patch_names_a_field(kit: Kit, tally: Tally) -> None:
    """An empty patch is `too_few`."""
    for endpoint in (one for one in kit.endpoints if "patch" in one.request["properties"]):
        try:
            request = await kit.givens.fill(examples(kit.material.examples, endpoint.subject)[0].request)
        except Skip as skip:
            tally.skip(f"{endpoint.subject}: {skip}")
            continue
        reply = await kit.ask(endpoint, {**request, "patch": {}})
        got = [(one.get("field"), one.get("reason")) for one in reply.problem.get("errors", [])]
        tally.expect(got == [("patch", "too_few")], f"{endpoint.subject}: {reply.said} {got}")

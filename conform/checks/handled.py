"""Durable events that a service handles, seen by its endpoints. On a private bus the kit makes their stream."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from conform.check import Skip, Tally, rule
from conform.checks.lifecycle import run_command
from conform.handling import Handling, handling
from conform.kit import Kit
from conform.neighbours.stream import ACK, nak_delay, until
from mesh.transport.base import Message
from mesh.wire import names

_TRAIN: Final = 12
"""Events that are on their way while the database goes away."""
_BETWEEN: Final = 0.1


@rule("W-EVT-4")
async def messages_of_another_consumer_are_ignored(kit: Kit, tally: Tally) -> None:
    """The service pulls to an inbox of its own, and ignores messages there that come from another consumer."""
    events = await handling(kit)
    await _effect(events, tally)
    inbox = events.stream.inboxes[-1] if events.stream.inboxes else ""
    tally.expect(inbox.startswith("_INBOX_"), f"it pulls to {inbox!r}")
    async with events.stream.foreign(inbox) as answers:
        sequence = await events.send(await events.event())
        await events.acknowledged(sequence)
        await _effect(events, tally)  # by then it has done with the foreign delivery too
    tally.expect(not answers, f"it answers another consumer's delivery: {answers[:2]}")
    acknowledged = events.heard([sequence]).count(ACK)
    tally.expect(acknowledged == 1, f"it acknowledges its own delivery {acknowledged} times")


@rule("W-EVT-5")
async def an_event_that_comes_twice_is_applied_once(kit: Kit, tally: Tally) -> None:
    """An event that comes twice has one effect, and both deliveries are acknowledged."""
    events = await handling(kit)
    one = await events.event()
    before = await events.look(one)
    await events.acknowledged(await events.send(one))
    once = await events.look_around(one)
    tally.expect(once[0] != before, f"{one.subject} has no effect on {events.witness.look}")
    await events.acknowledged(await events.send(one))
    tally.expect(await events.look_around(one) == once, f"{one.subject}: the repetition has another effect")


@rule("W-EVT-6")
async def an_event_is_acknowledged_after_its_effect(kit: Kit, tally: Tally) -> None:
    """When an event is acknowledged, its effect is there."""
    events = await handling(kit)
    await _effect(events, tally)


@rule("W-EVT-7")
async def an_event_that_fails_is_not_lost(kit: Kit, tally: Tally) -> None:
    """If the database goes away, events are answered with -NAK and a delay, or wait; later each has its effect."""
    if kit.options.fault_command is None:
        raise Skip("there is no --fault-command")
    events = await handling(kit)
    train = [await events.event() for _ in range(_TRAIN)]
    before = [await events.look(one) for one in train]
    leaving = asyncio.create_task(run_command(f"{kit.options.fault_command} away"))
    try:
        sent = []
        for one in train:
            sent.append(await events.send(one))
            await asyncio.sleep(_BETWEEN)
        await leaving
        await until(lambda: any(nak_delay(answer) is not None for answer in events.heard(sent)), kit.options.patience)
    finally:
        await run_command(f"{kit.options.fault_command} back")
    await kit.until_ready(kit.options.patience)
    for sequence in sent:
        await events.acknowledged(sequence, within=2 * kit.options.patience)
    odd = [answer for answer in events.heard(sent) if answer not in _ANSWERS and nak_delay(answer) is None]
    tally.expect(not odd, f"no acknowledgement of W-EVT-6 or W-EVT-7: {odd[:1]}")
    for one, was in zip(train, before, strict=True):
        tally.expect(await events.look(one) != was, f"{one.subject} is acknowledged, and has no effect")


_ANSWERS: Final = {ACK, b"+WPI"}


@rule("W-EVT-8")
async def what_cannot_be_understood_is_a_dead_letter(kit: Kit, tally: Tally) -> None:
    """A message that cannot be understood becomes a dead letter at once, with its reason, body and headers."""
    events = await handling(kit)
    for why, bad, reason in await events.misfits():
        sequence = await events.send(bad)
        await events.acknowledged(sequence)
        letters = events.stream.letters[sequence]
        tally.expect(len(letters) == 1, f"{why}: it is acknowledged with {len(letters)} dead letters")
        if letters:
            _compare(tally, why, events.told(bad, reason, sequence), letters[0], bad.payload)


@rule("W-EVT-8")
async def a_dead_letter_is_stored_first(kit: Kit, tally: Tally) -> None:
    """An event is acknowledged once its dead letter is stored, and not before."""
    events = await handling(kit)
    _, bad, _ = (await events.misfits())[0]
    sequence = await events.send(bad, withheld=True)
    letters = events.stream.letters[sequence]
    again = await until(lambda: len(letters) > 1 or ACK in events.heard([sequence]), kit.options.patience)
    tally.expect(len(letters) > 1, "it is acknowledged before" if again else "a dead letter is not sent again")
    tally.expect(len({letter.headers.get(names.MESSAGE_ID) for letter in letters}) == 1, "sent again with another id")
    await events.acknowledged(sequence)


@rule("W-EVT-8")
async def a_bad_event_delays_no_other(kit: Kit, tally: Tally) -> None:
    """While the dead letter of an event is not stored, the next event is handled."""
    events = await handling(kit)
    _, bad, _ = (await events.misfits())[0]
    held = await events.send(bad, withheld=True)
    await until(lambda: events.stream.letters[held], kit.options.patience)
    await _effect(events, tally)
    tally.expect(not events.heard([held]), "the next event waited for the bad one")
    await events.acknowledged(held)


@rule("W-EVT-9")
async def a_retry_is_handled_like_an_event(kit: Kit, tally: Tally) -> None:
    """An event that an operator sends to `retry.<service>` is handled like a first delivery."""
    await _effect(await handling(kit), tally, f"retry.{kit.options.service}")


@rule("W-DISC-4")
async def handled_events_are_counted(kit: Kit, tally: Tally) -> None:
    """STATS counts events by handler, repetitions among them, and messages that could not be understood."""
    events = await handling(kit)
    one = await events.event()
    _, bad, _ = (await events.misfits())[0]
    before = await _counts(kit, one.subject)
    for sent in (one, one, bad):
        await events.acknowledged(await events.send(sent))
    after = before
    for _ in range(20):  # a worker may count after its acknowledgement
        after = await _counts(kit, one.subject)
        if all(now > then for now, then in zip(after, before, strict=True)):
            break
        await asyncio.sleep(0.05)
    applied, unread = after[0] - before[0], after[1] - before[1]
    tally.expect(applied == 2, f"{one.subject}: handled and repeated grow by {applied}, not 2")  # noqa: PLR2004
    tally.expect(unread == 1, f"unread grows by {unread}, not 1")


async def _counts(kit: Kit, subject: str) -> tuple[int, int]:
    """Over all instances, events that were handled or repeated, and those that were not understood."""
    applied, unread = 0, 0
    for instance in await kit.instances.found("STATS"):
        told: dict[str, Any] = instance.document.get("data", {}).get("events", {})
        handler = told.get("handlers", {}).get(subject.removeprefix("events."), {})
        applied += int(handler.get("handled", 0)) + int(handler.get("repeated", 0))
        unread += int(told.get("unread", 0))
    return applied, unread


async def _effect(events: Handling, tally: Tally, subject: str = "") -> None:
    """Send one event. Its effect must be there when it is acknowledged."""
    one = await events.event()
    before = await events.look(one)
    await events.acknowledged(await events.send(one, subject=subject))
    tally.expect(await events.look(one) != before, f"{subject or one.subject}: acknowledged, without its effect")


def _compare(tally: Tally, why: str, told: Mapping[str, str], letter: Message, body: bytes) -> None:
    """Hold a dead letter against the headers and the body that it should have."""
    found = letter.headers
    wrong = [f"{name} is {found.get(name)!r}" for name, value in told.items() if found.get(name) != value]
    tally.expect(not wrong, f"{why}: {'; '.join(wrong[:2])}")
    tally.expect(bool(found.get(names.DEAD_DETAIL)), f"{why}: there is no Dead-Detail")
    tally.expect(letter.payload == body, f"{why}: the dead letter has another body")

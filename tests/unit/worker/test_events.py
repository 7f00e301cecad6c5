from uuid import UUID

import pytest

from mesh.core.event import Event
from mesh.process.run import StartError
from mesh.transport.memory import MemoryTransport
from tests.support.events.memory_streams import StreamBroker
from tests.support.events.sample_events import HAPPENED, SETTLED, Happened
from worker.events import Publisher, collect_events, handles

HEARD = Event("events.sample.heard", Happened)


class Both:
    """Handles two events, and has a method of its own."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    @handles(HAPPENED)
    async def happened(self, effects: str, event: Happened) -> None:
        self.seen.append((effects, event.number))

    @handles(SETTLED, timeout=90)
    async def settled(self, effects: str, event: Happened) -> None:
        """Do nothing."""

    async def help(self) -> None:
        """Handle nothing."""


class Alone:
    """Handles an event without a store."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    @handles(HAPPENED)
    async def happened(self, event: Happened) -> None:
        self.seen.append(event.number)


async def test_each_event_has_the_method_that_declares_it() -> None:
    both = Both()
    found = {
        handler.event: handler for handler in collect_events("sample", [HAPPENED, SETTLED], [both], with_inbox=True)
    }
    await found[HAPPENED].handle("unit", Happened(number=1))

    assert {HAPPENED, SETTLED} == found.keys()
    assert (30, 90) == (found[HAPPENED].timeout, found[SETTLED].timeout)
    assert [("unit", 1)] == both.seen


async def test_without_a_store_a_method_takes_the_event_alone() -> None:
    alone = Alone()
    [handler] = collect_events("sample", [HAPPENED], [alone], with_inbox=False)
    await handler.handle(None, Happened(number=1))

    assert [1] == alone.seen


class NotOurs:
    """Handles what its service is not declared to handle."""

    @handles(HEARD)
    async def heard(self, event: Happened) -> None:
        """Do nothing."""


class WrongPayload:
    """Takes another payload."""

    @handles(HAPPENED)  # type: ignore[arg-type]  # mypy finds it too
    async def happened(self, event: str) -> None:
        """Do nothing."""


class Untyped:
    """Does not say what it takes."""

    @handles(HAPPENED)
    async def happened(self, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  # that is the fault
        """Do nothing."""


@pytest.mark.parametrize(
    ("owners", "with_inbox", "said"),
    [
        ([Alone(), Alone()], False, "events.sample.happened has a second handler, Alone.happened"),
        ([NotOurs()], False, "NotOurs.heard handles events.sample.heard, which is not declared as handled by sample"),
        ([], False, "events.sample.happened has no handler"),
        ([WrongPayload()], False, "WrongPayload.happened must take (Happened), as events.sample.happened has it"),
        ([Untyped()], False, "Untyped.happened must take (Happened), as events.sample.happened has it"),
        ([Alone()], True, "Alone.happened must take (repository, Happened), as events.sample.happened has it"),
        ([Both()], False, "Both.happened must take (Happened), as events.sample.happened has it"),
    ],
)
def test_a_fault_ends_the_start(owners: list[object], with_inbox: bool, said: str) -> None:  # noqa: FBT001
    with pytest.raises(StartError) as raised:
        collect_events("sample", [HAPPENED], owners, with_inbox=with_inbox)
    assert str(raised.value).startswith(f"event handlers: {said}")


def test_an_event_that_another_service_handles_needs_no_handler() -> None:
    assert [] == collect_events("other", [HAPPENED], [], with_inbox=False)


async def test_a_service_without_a_store_publishes_to_the_stream() -> None:
    broker = StreamBroker()
    publisher = Publisher(MemoryTransport(broker))
    for _ in range(2):
        assert UUID(int=7) == await publisher.publish(HAPPENED, Happened(number=1), aggregate="a", id=UUID(int=7))

    [stored] = broker.streams["EVENTS"]
    assert (HAPPENED.subject, b'{"number":1}') == (stored.message.subject, stored.message.payload)

"""What a service does with durable events: handles those of others, and publishes its own without a store."""

import inspect
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, get_type_hints, overload
from uuid import UUID

from pydantic import BaseModel

from mesh.core import context
from mesh.core.event import Event, Payload
from mesh.events import jetstream
from mesh.events.cloud_event import compose
from mesh.events.consumer import TIMEOUT, Handler
from mesh.events.stores import Inbox, Outbox
from mesh.process.run import StartError
from mesh.transport.base import Transport

Owner = TypeVar("Owner")
Unit = TypeVar("Unit")
Payload_co = TypeVar("Payload_co", bound=BaseModel, covariant=True)
Done = Coroutine[Any, Any, None]

_MARK = "_handles"


class _Declaration(Protocol[Payload_co]):
    """Marks a method as the handler of an event."""

    @overload
    def __call__(self, method: Callable[[Owner, Payload_co], Done]) -> Callable[[Owner, Payload_co], Done]: ...

    @overload
    def __call__(
        self, method: Callable[[Owner, Unit, Payload_co], Done]
    ) -> Callable[[Owner, Unit, Payload_co], Done]: ...


def handles(event: Event[Payload], timeout: float = TIMEOUT) -> _Declaration[Payload]:
    """Declare that a method handles the durable event, in at most `timeout` seconds.

    In a service with a store the method takes what the inbox gives, usually a repository within its transaction, and
    the event's payload. Without a store it takes the payload alone, and must have the same effect when it runs again.
    """

    def declare(method: Any) -> Any:  # noqa: ANN401  # the method itself
        vars(method)[_MARK] = (event, timeout)
        return method

    return declare


@dataclass(frozen=True)
class Events:
    """A service's side of durable events."""

    handlers: Iterable[object] = ()
    """The owners of methods that are declared with `@handles`."""
    outbox: Outbox | None = None
    """Where its transactions write the events that it publishes."""
    inbox: Inbox[Any] | None = None
    """What applies each event once; a service without a store has none."""


def collect_events(
    service: str, events: Iterable[Event[Any]], owners: Iterable[object], *, with_inbox: bool
) -> list[Handler]:
    """The handlers of the service's events, collected from the methods of the owners.

    Raises StartError, with all mistakes in one line, unless each of `events` that the service is to handle has exactly
    one handler with the event's types, and every handler belongs to an event that the service is to handle.
    """
    found: dict[Event[Any], Handler] = {}
    faults = []
    for owner in owners:
        for method, event, timeout in declared(type(owner)):
            if event in found:
                faults.append(f"{event.subject} has a second handler, {method.__qualname__}")
            elif service not in event.handled_by:
                faults.append(
                    f"{method.__qualname__} handles {event.subject}, which is not declared as handled by {service}"
                )
            elif fault := _mistyped(method, event, with_inbox=with_inbox):
                faults.append(fault)
            handle = getattr(owner, method.__name__)
            found[event] = Handler(event, handle if with_inbox else _without_unit(handle), timeout)
    faults += [f"{one.subject} has no handler" for one in events if service in one.handled_by and one not in found]
    if faults:
        raise StartError(f"event handlers: {'; '.join(faults)}")
    return [*found.values()]


def declared(owner: type) -> Iterator[tuple[Callable[..., Any], Event[Any], float]]:
    """The methods of the class that handle an event, with the event and the seconds that each may take."""
    for _, method in inspect.getmembers_static(owner, inspect.isfunction):
        if (mark := vars(method).get(_MARK)) is not None:
            yield method, *mark


def _without_unit(handle: Callable[[Any], Done]) -> Callable[[Any, Any], Done]:
    return lambda _, payload: handle(payload)


def _mistyped(method: Callable[..., Any], event: Event[Any], *, with_inbox: bool) -> str | None:
    """How the method differs from what the event needs; None if it fits."""
    parameters = len(inspect.signature(method).parameters) - 1  # without self
    payload = [hint for name, hint in get_type_hints(method).items() if name != "return"][-1:]
    if parameters == 1 + with_inbox and payload == [event.payload]:
        return None
    takes = f"(repository, {event.payload.__name__})" if with_inbox else f"({event.payload.__name__})"
    return f"{method.__qualname__} must take {takes}, as {event.subject} has it"


class Publisher:
    """Publishes the durable events of a service that has no store."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def publish(
        self,
        event: Event[Payload],
        payload: Payload,
        *,
        aggregate: str,
        id: UUID | None = None,  # noqa: A002  # the attribute's name in CloudEvents
    ) -> UUID:
        """Store the event in the stream and return its id; `aggregate` is the id of what changed.

        Within a handler the default `id` follows from the handled event: if the handler runs again, the event is the
        same. Elsewhere the default is random. Raises CallError if the stream does not acknowledge.
        """
        outgoing = compose(event, payload, aggregate, id)
        span = context.span()
        with nullcontext() if span is None else span.sent(event.subject, str(outgoing.id)):
            await jetstream.publish(self._transport, event.subject, outgoing.body, outgoing.headers)
        return outgoing.id

"""Makes the events that a service handles: good ones, whose effect an endpoint shows, and bad ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from conform.bus import NoAnswer
from conform.check import Skip
from conform.givens import MARK
from conform.kit import Kit
from conform.neighbours.stream import ACK, Stream, headers_of, until
from conform.shapes import compact
from mesh.wire import names
from ops.contracts.tree import EventContract


@dataclass(frozen=True)
class Witness:
    """An event that has an effect, and the request whose reply shows it."""

    event: str
    payload: Mapping[str, object]
    """What differs from the golden file. It may have braces."""
    look: str
    request: Mapping[str, object] = field(default_factory=dict)
    counted: Mapping[str, object] = field(default_factory=dict)
    """What an item of the reply has if the event made it. Then their number is the effect, and not the whole reply."""
    publishes: bool = False
    """Whether the service publishes an event of its own before it acknowledges, without an outbox."""


_LINE: Final = {
    "product_name": MARK,
    "unit_price": "0.10",
    "quantity": 2,
    "discount": "0.00",
    "amount": "0.20",
}
WITNESSES: Final[Mapping[str, Witness]] = {
    "carts": Witness(
        "events.orders.placed",
        {"order_id": "{new_number}", "user_id": "{user_id}", "cart_version": "{cart}"},
        "carts.get",
    ),
    "orders": Witness("events.stock.reserved", {"order_id": "{order}"}, "orders.get", {"order_id": "{order}"}),
    "shipping": Witness(
        "events.orders.confirmed",
        {"order_id": "{new_number}", "user_id": "{user_id}"},
        "shipping.list",
        {"order_id": "{new_number}"},
    ),
    "stock": Witness(
        "events.orders.placed",
        {"order_id": "{new_number}", "user_id": "{user_id}", "lines": [{**_LINE, "product_id": "{two_units}"}]},
        "products.stock.get",
        {"product_id": "{two_units}"},
        publishes=True,
    ),
    "notifications": Witness(
        "events.orders.placed",
        {"order_id": "{new_number}", "user_id": "{user_id}"},
        "notifications.list",
        {"limit": 200},
        counted={"order_id": "{new_number}"},
    ),
}
"""By service. The events of a service without a line are not checked."""
_ACCOUNT: Final = "user"


@dataclass(frozen=True)
class Made:
    """One event, and the request that shows its effect."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    look: Mapping[str, object]
    counted: Mapping[str, object]


class Handling:
    """Sends events to the service under test, and waits for what it answers."""

    def __init__(self, kit: Kit, stream: Stream, handled: Mapping[str, EventContract], witness: Witness) -> None:
        self.stream = stream
        self.witness = witness
        self._kit = kit
        self._handled = handled

    async def event(self) -> Made:
        """A fresh event that has an effect. Raises Skip if the kit cannot make what it needs."""
        givens, event = self._kit.givens, self._handled[self.witness.event]
        payload = self._kit.payload(event.subject, await givens.fill(self.witness.payload))
        look = await givens.fill(self.witness.request)
        counted = await givens.fill(self.witness.counted)
        return Made(event.subject, compact(payload), headers_of(event), look, counted)

    async def misfits(self) -> list[tuple[str, Made, str]]:
        """Messages that cannot be understood: why, the message, and the reason of its dead letter."""
        event = self._handled[self.witness.event]
        good, fresh = Made(event.subject, b"{}", {}, {}, {}), partial(headers_of, event)
        found = [
            ("an unknown type", fresh(ce_type="nobody.knows"), b"{}", "unknown_type"),
            ("no id", fresh(ce_id=None), b"{}", "no_cloud_event"),
            (
                "another version of CloudEvents",
                fresh(ce_specversion="0.3"),
                b"{}",
                "no_cloud_event",
            ),
            ("another content type", fresh(Content_Type="text/plain"), b"{}", "no_cloud_event"),
            ("no JSON", fresh(), b"{", "invalid_payload"),
            ("an empty payload", fresh(), b"{}", "invalid_payload"),
        ]
        if other := next((one for one in self._handled.values() if one != event), None):
            found.append(("the subject of another event", headers_of(other), b"{}", "wrong_subject"))
        return [(why, replace(good, headers=headers, payload=body), reason) for why, headers, body, reason in found]

    async def send(self, made: Made, *, subject: str = "", withheld: bool = False) -> int:
        """Store the event. `withheld`: its first dead letter is not stored. Returns its sequence number."""
        if withheld:
            self.stream.withhold_next()
        return await self.stream.publish(subject or made.subject, made.payload, made.headers)

    def told(self, bad: Made, reason: str, sequence: int) -> dict[str, str]:
        """The headers of its dead letter."""
        own = {
            names.DEAD_REASON: reason,
            names.DEAD_ATTEMPTS: "1",
            names.DEAD_SUBJECT: bad.subject,
            names.DEAD_SEQUENCE: str(sequence),
        }
        if names.CE_ID in bad.headers:
            own[names.MESSAGE_ID] = f"{self._kit.options.service}:{bad.headers[names.CE_ID]}"
        return {**bad.headers, **own}

    def heard(self, sequences: Iterable[int]) -> list[bytes]:
        """All answers to these events."""
        return [answer for sequence in sequences for answer in self.stream.answers[sequence]]

    async def acknowledged(self, sequence: int, within: float | None = None) -> None:
        """Wait until the service has acknowledged the event. Raises NoAnswer."""
        seconds = within or self._kit.options.patience
        if not await until(lambda: ACK in self.stream.answers[sequence], seconds):
            raise NoAnswer(f"event {sequence} is not acknowledged within {seconds:g} s: {self.heard([sequence])[:3]}")

    async def look(self, made: Made) -> Any:  # noqa: ANN401  # any JSON
        """What the endpoint shows of the event's effect now. Raises Skip if it refuses."""
        return await self._shown(made.look, made.counted)

    async def look_around(self, made: Made) -> list[Any]:
        """The same, and what the endpoint shows to the user without the request's filters, if it can."""
        endpoint = self._kit.material.contracts.endpoints[self.witness.look]
        unfiltered = [] if endpoint.request.get("required") else [await self._shown({}, made.counted)]
        return [await self.look(made), *unfiltered]

    async def _shown(self, request: Mapping[str, object], counted: Mapping[str, object]) -> Any:  # noqa: ANN401  # any JSON
        endpoint = self._kit.material.contracts.endpoints[self.witness.look]
        reply = await self._kit.ask(endpoint, request, account=_ACCOUNT)
        if not reply.ok:
            raise Skip(f"{endpoint.subject} answered {reply.said}")
        if not counted:
            return reply.body
        return sum(counted.items() <= item.items() for item in reply.body["items"])


async def handling(kit: Kit) -> Handling:
    """The events of the service under test. Raises Skip if it handles none, or if the kit cannot make their stream."""
    stream = await kit.stream()
    witness = WITNESSES.get(kit.options.service)
    if witness is None:
        raise Skip("the kit knows no endpoint that shows the effect of an event")
    return Handling(kit, stream, kit.handled, witness)

"""What every store and the stream say of some orders, and what must hold between them once all is settled."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.faults.orders.shoppers import Account

ENDS: Final = ("delivered", "refused", "cancelled")
"""The statuses that are final when a timer dispatches and delivers."""
_RESERVATIONS: Final[Mapping[str, set[str | None]]] = {
    "delivered": {"committed"},
    "refused": {"refused"},
    # Before its reservation, or because of the cancellation; or its goods were short, which orders heard too late.
    "cancelled": {"released", "refused"},
}
_SHIPMENTS: Final[Mapping[str, set[str | None]]] = {
    "delivered": {"delivered"},
    "refused": {None},
    "cancelled": {None, "stopped"},
}


class Movement(NamedTuple):
    """A movement of stock: by how much it changed the units in stock and the units reserved."""

    order_id: int
    product_id: int
    kind: str
    in_stock: int
    reserved: int


class Units(NamedTuple):
    """The units of a product."""

    in_stock: int
    reserved: int


@dataclass(frozen=True)
class Books:
    """Everything that is stored of the orders of some users and of some products."""

    orders: dict[int, str]
    """The status of each."""
    lines: dict[int, dict[int, int]]
    """By order, the units of each product."""
    users: dict[int, str]
    steps: Counter[tuple[int, str]]
    step_events: Counter[str]
    """The ids of the events that announced the steps."""
    streamed: Counter[str]
    """The ids of the events of these orders that the stream has from orders."""
    reservations: dict[int, str]
    movements: Counter[Movement]
    units: dict[int, Units]
    shipments: Counter[tuple[int, str]]
    """By order, the status of its shipment."""
    notifications: Counter[tuple[str, int, str]]
    """By kind, order and user."""
    unsent: dict[str, str]
    """The status of each notification that is not sent, by its id."""
    notification_ids: frozenset[str]

    def faults(self, account: Account, before: Mapping[int, Units]) -> list[str]:
        """Everything that is not as it must be: empty if nothing was lost, doubled or invented."""
        return [
            *self._orders_at_fault(account),
            *self._ledger_at_fault(before),
            *self._effects_at_fault(),
            *self._notifications_at_fault(),
        ]

    def _orders_at_fault(self, account: Account) -> Iterator[str]:
        """Each acknowledged order is there as it was placed, there is no other, and its end fits its answers."""
        for order_id in account.placed.keys() ^ self.orders.keys():
            yield f"order {order_id} is {self.orders.get(order_id)}, acknowledged: {order_id in account.placed}"
        for order_id, status in self.orders.items():
            if status not in ENDS:
                yield f"order {order_id} is still {status}"
            if account.placed.get(order_id) != (self.users[order_id], self.lines[order_id]):
                yield f"order {order_id} has other lines or another user than were acknowledged"
            if order_id in account.cancelled and status != "cancelled":
                yield f"order {order_id} is {status}, its cancellation was acknowledged"
            if order_id in account.not_cancelled - account.cancelled and status == "cancelled":
                yield f"order {order_id} is cancelled, its cancellation was refused"
            if status == "cancelled" and order_id not in account.cancelled:
                yield f"order {order_id} is cancelled, nobody did it"
            if status == "refused" and account.goods.scarce not in self.lines[order_id]:
                yield f"order {order_id} is refused for goods of which there are plenty"

    def _ledger_at_fault(self, before: Mapping[int, Units]) -> Iterator[str]:
        """The stock is what it was, less the goods of the dispatched orders; each movement is there once."""
        due: Counter[Movement] = Counter()
        sold: Counter[int] = Counter()
        reserved = {one.order_id for one in self.movements}
        for order_id, status in self.orders.items():
            found = self.reservations.get(order_id)
            if found not in _RESERVATIONS.get(status, ()):
                yield f"order {order_id} is {status}, its reservation {found}"
            moved = status == "delivered" or order_id in reserved
            for product, units in self.lines[order_id].items() if moved else ():
                due[Movement(order_id, product, "reserved", 0, units)] += 1
                if status == "delivered":
                    sold[product] += units
                    due[Movement(order_id, product, "committed", -units, -units)] += 1
                else:
                    due[Movement(order_id, product, "released", 0, -units)] += 1
        for movement in (due - self.movements) + (self.movements - due):
            yield f"{movement} is there {self.movements[movement]} times and due {due[movement]} times"
        for product, left in self.units.items():
            if left != (expected := Units(before[product].in_stock - sold[product], 0)) or left.in_stock < 0:
                yield f"product {product} has {left}, not {expected}"

    def _effects_at_fault(self) -> Iterator[str]:
        """Each status is one step and one event in the stream; each order has the shipment that its end needs."""
        shipments: dict[int, list[str]] = defaultdict(list)
        for (order_id, status), count in self.shipments.items():
            shipments[order_id] += [status] * count
        for order_id, status in self.orders.items():
            own: Sequence[str | None] = shipments[order_id] or [None]
            if len(own) > 1 or own[0] not in _SHIPMENTS.get(status, ()):
                yield f"order {order_id} is {status}, its shipments are {own}"
        for what, count in (self.steps + self.step_events).items():
            if count > 1:
                yield f"{what} is there {count} times"
        for event_id in self.step_events.keys() ^ self.streamed.keys():
            steps, messages = self.step_events[event_id], self.streamed[event_id]
            yield f"event {event_id} is in {steps} steps and {messages} messages"

    def _notifications_at_fault(self) -> Iterator[str]:
        """Each step is told to the order's user once."""
        due = Counter((f"order_{status}", order_id, self.users[order_id]) for order_id, status in self.steps)
        for one in (due - self.notifications) + (self.notifications - due):
            yield f"notification {one} is there {self.notifications[one]} times and due {due[one]} times"
        for notification_id, status in self.unsent.items():
            yield f"notification {notification_id} is {status}"

"""The payloads of the events of `shipping`."""

from datetime import datetime

from contracts.base import Id, Reply


class ShipmentDispatched(Reply):
    """The goods of an order have left the warehouse."""

    shipment_id: Id
    order_id: Id
    tracking_number: str
    dispatched_at: datetime


class ShipmentDelivered(Reply):
    """The goods of an order have arrived."""

    shipment_id: Id
    order_id: Id
    delivered_at: datetime

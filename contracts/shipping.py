"""The payloads of the events of `shipping`."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from contracts.base import Id, Reply

TrackingNumber = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]


class ShipmentDispatched(Reply):
    """The goods of an order have left the warehouse."""

    shipment_id: Id
    order_id: Id
    tracking_number: TrackingNumber
    dispatched_at: datetime


class ShipmentDelivered(Reply):
    """The goods of an order have arrived."""

    shipment_id: Id
    order_id: Id
    delivered_at: datetime

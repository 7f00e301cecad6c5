"""The payloads of the events of `stock`, which reserves what orders want."""

from contracts.base import Id, Reply
from contracts.orders import ShortLine


class StockReserved(Reply):
    """All that the order wants is reserved."""

    order_id: Id


class StockRefused(Reply):
    """Nothing is reserved for the order, since of these products there is not enough."""

    order_id: Id
    short: tuple[ShortLine, ...]

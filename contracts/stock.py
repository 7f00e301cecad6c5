"""The payloads of the events of `stock`, which reserves the goods of orders."""

from contracts.base import Id, Reply
from contracts.orders import ShortLine


class StockReserved(Reply):
    """All goods of the order are reserved."""

    order_id: Id


class StockRefused(Reply):
    """Nothing is reserved for the order, because these products are short."""

    order_id: Id
    short: tuple[ShortLine, ...]

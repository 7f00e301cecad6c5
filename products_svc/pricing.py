"""How a price is changed by a percentage or an amount."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from contracts.products_prices import ChangeBy

HIGHEST_PRICE: Final = Decimal("99999999.99")
_CENT: Final = Decimal("0.01")
_RULES: Final[Mapping[ChangeBy, Callable[[Decimal, Decimal], Decimal]]] = {
    ChangeBy.PERCENT: lambda price, percent: price * (100 + percent) / 100,
    ChangeBy.AMOUNT: lambda price, amount: price + amount,
}


def changed_price(price: Decimal, by: ChangeBy, change: Decimal) -> Decimal | None:
    """The new price, rounded half up to cents. None if it is below 0.00 or above HIGHEST_PRICE."""
    exact = _RULES[by](price, change)
    changed = exact.quantize(_CENT, ROUND_HALF_UP)
    return changed if exact >= 0 and changed <= HIGHEST_PRICE else None

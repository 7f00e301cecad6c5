"""Whatever is asked of the list, all pages together are what a plain model says."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.products import ListProducts, Product
from products_svc.handlers import Handlers
from providers.postgres.folding import fold
from tests.support.northwind.northwind import every
from tests.support.northwind.sorting import in_order, orders

ORDERS: dict[str, Callable[[Product], Any]] = {
    "product_id": lambda one: one.product_id,
    "product_name": lambda one: fold(one.product_name),
    "unit_price": lambda one: one.unit_price,
    "units_in_stock": lambda one: one.units_in_stock,
}
FILTERS: dict[str, Callable[[Product, Any], bool]] = {
    "category_id": lambda one, value: one.category_id == value,
    "supplier_id": lambda one, value: one.supplier_id == value,
    "discontinued": lambda one, value: one.discontinued == value,
    "low_stock": lambda one, value: (one.units_in_stock <= one.reorder_level) == value,
    "min_price": lambda one, value: one.unit_price >= value,
    "max_price": lambda one, value: one.unit_price <= value,
    "q": lambda one, value: bool(fold(value)) and fold(value) in fold(one.product_name),
}


def modelled(everything: Iterable[Product], request: ListProducts) -> list[Product]:
    """The products that the request asks for, in its order."""
    wanted = {name: getattr(request, name) for name in FILTERS if name in request.model_fields_set}
    found = [one for one in everything if all(FILTERS[name](one, value) for name, value in wanted.items())]
    return in_order(found, request.sort, ORDERS)


async def test_any_filters_in_any_order_on_pages_of_any_size(handlers: Handlers) -> None:
    everything = await every(handlers.list, ListProducts(limit=200))
    words = [part for one in everything for part in one.product_name.split()]
    texts = st.sampled_from(words).flatmap(lambda word: st.sampled_from([word, word[:2], word.upper(), word[-1:]]))
    prices = st.one_of(st.sampled_from([one.unit_price for one in everything]), st.decimals(0, 300, places=2))
    filters = st.fixed_dictionaries(
        {"sort": st.sampled_from(orders(ORDERS)), "limit": st.integers(1, 100)},
        optional={
            "category_id": st.integers(1, 9),
            "supplier_id": st.integers(1, 30),
            "discontinued": st.booleans(),
            "low_stock": st.booleans(),
            "min_price": prices.map(Decimal),
            "max_price": prices.map(Decimal),
            "q": st.one_of(texts, st.sampled_from(["%", "_", "\\", "ü", "ß", "'"])),
        },
    )
    asked: list[ListProducts] = []

    @settings(max_examples=80, deadline=None)
    @given(filters)
    def collect(request: dict[str, Any]) -> None:
        asked.append(ListProducts(**request))

    collect()
    for request in asked:
        assert modelled(everything, request) == await every(handlers.list, request), request

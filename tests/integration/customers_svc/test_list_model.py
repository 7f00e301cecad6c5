"""Whatever is asked of the list, all pages together are what a plain model says."""

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.customers import Customer, ListCustomers
from customers_svc.handlers import Handlers
from providers.postgres.folding import fold
from tests.support.northwind.northwind import every
from tests.support.northwind.sorting import in_order, orders

ORDERS: dict[str, Callable[[Customer], Any]] = {
    "customer_id": lambda one: one.customer_id,
    "company_name": lambda one: fold(one.company_name),
    "city": lambda one: fold(one.city or ""),
    "country": lambda one: fold(one.country or ""),
}
SORTS = orders(ORDERS)  # test_search.py has `relevance`
FILTERS = ("country", "city", "region")


def modelled(everyone: Iterable[Customer], request: ListCustomers) -> list[Customer]:
    """The customers that the request asks for, in its order."""
    wanted = {name: getattr(request, name) for name in FILTERS if name in request.model_fields_set}
    found = [
        one
        for one in everyone
        if all(getattr(one, name) == value for name, value in wanted.items())
        and (request.q is None or has(one, request.q))
    ]
    return in_order(found, request.sort, ORDERS)


def has(one: Customer, text: str) -> bool:
    """Whether a field that is searched has the text."""
    searched = (one.customer_id, one.company_name, one.contact_name, one.city, one.country)
    return bool(fold(text)) and any(fold(text) in fold(field or "") for field in searched)


async def test_any_filters_in_any_order_on_pages_of_any_size(handlers: Handlers) -> None:
    everyone = await every(handlers.list, ListCustomers(limit=200))
    values = {name: [*{getattr(one, name) for one in everyone}, None, "Atlantis"] for name in FILTERS}
    words = [part for one in everyone for part in (*one.company_name.split(), one.customer_id, one.city or "x")]
    texts = st.sampled_from(words).flatmap(lambda word: st.sampled_from([word, word[:2], word.upper(), word[-1:]]))
    filters = st.fixed_dictionaries(
        {"sort": st.sampled_from(SORTS), "limit": st.integers(1, 100)},
        optional={name: st.sampled_from(known) for name, known in values.items()}
        | {"q": st.one_of(texts, st.sampled_from(["%", "_", "\\", "ü", "ß", "'"]))},
    )
    asked: list[ListCustomers] = []

    @settings(max_examples=80, deadline=None)
    @given(filters)
    def collect(request: dict[str, Any]) -> None:
        asked.append(ListCustomers(**request))

    collect()
    for request in asked:
        assert modelled(everyone, request) == await every(handlers.list, request), request

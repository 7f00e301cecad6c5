from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from httpx2 import AsyncClient

from contracts.customers import CustomerSort
from contracts.products import ProductSort
from providers.postgres.folding import fold
from tests.e2e.http.lists import Item, every
from tests.support.contract.givens import MARK, free_key
from tests.support.http.problems import problem

ORDERS: dict[str, Callable[[Item], Any]] = {
    "customer_id": lambda item: item["customer_id"],
    "company_name": lambda item: (fold(item["company_name"]), item["customer_id"]),
    "city": lambda item: (fold(item["city"] or ""), item["customer_id"]),
    "country": lambda item: (fold(item["country"] or ""), item["customer_id"]),
    "relevance": lambda item: (fold(item["company_name"]), item["customer_id"]),  # without a text all fit alike
    "product_id": lambda item: item["product_id"],
    "product_name": lambda item: (fold(item["product_name"]), item["product_id"]),
    "unit_price": lambda item: (Decimal(item["unit_price"]), item["product_id"]),
    "units_in_stock": lambda item: (item["units_in_stock"], item["product_id"]),
}
SORTS = [("/v1/customers", sort.value) for sort in CustomerSort] + [("/v1/products", s.value) for s in ProductSort]


@pytest.mark.parametrize(("path", "sort"), SORTS)
async def test_pages_in_every_order_show_each_row_once(
    http: AsyncClient, user: dict[str, str], path: str, sort: str
) -> None:
    everything = await every(http, path, user, limit=200)

    paged = await every(http, path, user, sort=sort, limit=7)

    assert sorted(everything, key=ORDERS[sort.removeprefix("-")], reverse=sort.startswith("-")) == paged


@pytest.mark.parametrize(
    ("path", "sort", "reverse"),
    [
        ("/v1/customers", "country,city", False),
        ("/v1/customers", "-country,-city", True),
        ("/v1/products", "units_in_stock,unit_price,product_name", False),
    ],
)
async def test_pages_in_an_order_of_several_fields_show_each_row_once(
    http: AsyncClient, user: dict[str, str], path: str, sort: str, *, reverse: bool
) -> None:
    everything = await every(http, path, user, limit=200)

    paged = await every(http, path, user, sort=sort, limit=7)

    keys = [ORDERS[field.removeprefix("-")] for field in sort.split(",")]
    leading = [[key(item)[0] for key in keys] for item in paged]
    assert sorted(leading, reverse=reverse) == leading
    assert sorted(map(repr, everything)) == sorted(map(repr, paged))


@pytest.mark.parametrize(
    "path", ["/v1/customers?country=Germany", "/v1/products?category_id=1", "/v1/customers/ALFKI/orders"]
)
async def test_a_total_is_in_a_header_if_asked_for(http: AsyncClient, admin: dict[str, str], path: str) -> None:
    expected = len((await http.get(f"{path}{'&' if '?' in path else '?'}limit=200", headers=admin)).json()["items"])
    counted = await http.get(f"{path}{'&' if '?' in path else '?'}count=true&limit=1", headers=admin)
    plain = await http.get(path, headers=admin)

    assert expected > 1
    assert str(expected) == counted.headers["x-total-count"]
    assert "x-total-count-estimated" not in counted.headers
    assert "x-total-count" not in plain.headers


@pytest.mark.parametrize("sort", ["city,city", "city,-city", "city,phone", "city,country,company_name,customer_id"])
async def test_an_order_with_a_wrong_field_is_422(http: AsyncClient, user: dict[str, str], sort: str) -> None:
    refused = await http.get("/v1/customers", params={"sort": sort}, headers=user)

    [error] = problem(refused, 422, "invalid_request").errors
    assert ("sort", "pattern") == (error.field, error.reason)
    assert "must be 1 to 3 of customer_id, company_name, city, country" in error.message


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        (11, {"country": "Germany"}),
        (0, {"country": "germany"}),
        (5, {"country": "Mexico", "city": "México D.F."}),
        (3, {"region": "WA"}),
        (11, {"region": "", "country": "Germany"}),
        (11, {"region": "null", "country": "Germany"}),
        (9, {"country": "Brazil", "q": "a"}),
    ],
)
async def test_filters_of_customers(
    http: AsyncClient, user: dict[str, str], expected: int, query: dict[str, str]
) -> None:
    found = await every(http, "/v1/customers", user, limit=3, **query)

    assert expected == len(found)
    exact = {name: value for name, value in query.items() if name != "q" and value not in ("", "null")}
    assert all(exact == {name: customer[name] for name in exact} for customer in found)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"category_id": "1"}, lambda p: p["category_id"] == 1),
        ({"supplier_id": "7"}, lambda p: p["supplier_id"] == 7),
        ({"min_price": "18", "max_price": "18.00"}, lambda p: p["unit_price"] == "18.00"),
        ({"min_price": "100.5"}, lambda p: Decimal(p["unit_price"]) >= Decimal("100.5")),
        ({"discontinued": "true"}, lambda p: p["discontinued"]),
        ({"discontinued": "false", "category_id": "6"}, lambda p: not p["discontinued"] and p["category_id"] == 6),
        ({"low_stock": "true"}, lambda p: p["units_in_stock"] <= p["reorder_level"]),
        ({"low_stock": "false"}, lambda p: p["units_in_stock"] > p["reorder_level"]),
        ({"q": "CHAI", "category_id": "1"}, lambda p: p["product_name"] == "Chai"),
        ({"min_price": "2", "max_price": "1"}, lambda p: p["product_id"] < 0),
    ],
)
async def test_filters_of_products(http: AsyncClient, query: dict[str, str], fits: Callable[[Item], bool]) -> None:
    everything = await every(http, "/v1/products", {}, limit=200)

    assert list(filter(fits, everything)) == await every(http, "/v1/products", {}, limit=6, **query)


@pytest.mark.parametrize(
    ("expected", "q"),
    [
        (["ALFKI"], "alfki"),
        (["VAFFE"], "århus"),
        (["VAFFE"], "ARHUS"),
        (["OTTIK"], "koln"),
        (["OTTIK"], "KO\u0308LN"),
        (["BERGS"], "LULEA"),
        (["WOLZA"], "wolski zajazd"),
    ],
)
async def test_a_search_minds_neither_case_nor_accents(
    http: AsyncClient, user: dict[str, str], expected: list[str], q: str
) -> None:
    assert expected == [item["customer_id"] for item in await every(http, "/v1/customers", user, q=q)]


@pytest.mark.parametrize(("expected", "q"), [(38, "cote de"), (32, "MASCARPONE"), (22, "knackebrod")])
async def test_a_search_of_products_minds_neither_case_nor_accents(http: AsyncClient, expected: int, q: str) -> None:
    assert [expected] == [item["product_id"] for item in await every(http, "/v1/products", {}, q=q)]


async def test_wildcards_of_sql_stand_for_themselves(
    http: AsyncClient, user: dict[str, str], admin: dict[str, str]
) -> None:
    odd, plain = free_key(), free_key()
    land = f"Land of {odd}"
    for key, name in ((odd, rf"{MARK} 50%_a\b"), (plain, f"{MARK} 50 xaxb")):
        body = {"customer_id": key, "company_name": name, "country": land}
        assert 201 == (await http.post("/v1/customers", json=body, headers=admin)).status_code

    async def found(q: str) -> list[str]:
        return [item["customer_id"] for item in await every(http, "/v1/customers", user, q=q, country=land)]

    for q in ("%", "_", "\\", "50%_A\\B"):
        assert [odd] == await found(q)
    for q in ("5%a", "50__a", "\\%", "%%", "a_b"):
        assert [] == await found(q)
    assert sorted([odd, plain]) == sorted(await found("50"))


async def test_a_cursor_is_good_for_its_own_list_alone(http: AsyncClient, user: dict[str, str]) -> None:
    first = await http.get("/v1/customers", params={"limit": 5, "sort": "city"}, headers=user)
    cursor = first.json()["next_cursor"]

    for query in (
        {"cursor": cursor},
        {"cursor": cursor, "sort": "-city"},
        {"cursor": cursor, "sort": "city", "country": "Germany"},
        {"cursor": f"{'B' if cursor[0] == 'A' else 'A'}{cursor[1:]}", "sort": "city"},
        {"cursor": cursor[:-4], "sort": "city"},
        {"cursor": f"{cursor}AAAA", "sort": "city"},
    ):
        refused = await http.get("/v1/customers", params=query, headers=user)
        assert ["cursor"] == [error.field for error in problem(refused, 422, "invalid_cursor").errors]
    problem(await http.get("/v1/products", params={"cursor": cursor}), 422, "invalid_cursor")


async def test_a_row_that_is_added_between_pages_moves_no_other(
    http: AsyncClient, user: dict[str, str], admin: dict[str, str]
) -> None:
    first = (await http.get("/v1/customers", params={"sort": "-customer_id", "limit": 50}, headers=user)).json()
    before = await every(http, "/v1/customers", user, sort="-customer_id")

    body = {"customer_id": free_key(), "company_name": MARK}
    assert 201 == (await http.post("/v1/customers", json=body, headers=admin)).status_code
    query = {"sort": "-customer_id", "limit": 200, "cursor": first["next_cursor"]}
    rest = (await http.get("/v1/customers", params=query, headers=user)).json()

    assert before == first["items"] + rest["items"]

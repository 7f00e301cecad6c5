import csv
import io
import json
from decimal import Decimal

import pytest
from httpx2 import AsyncClient

from tests.e2e.http.lists import every


async def test_the_suppliers_and_categories_of_all_products_stand_beside_their_ids(
    http: AsyncClient, user: dict[str, str]
) -> None:
    path = "/v1/products"
    for name in ("supplier", "category"):
        objects = {one[f"{name}_id"]: one for one in await every(http, f"{path[:4]}{_plural(name)}", user)}
        products = await every(http, path, user, expand=name, limit=50)
        assert [objects.get(one[f"{name}_id"]) for one in products] == [one[name] for one in products]


def _plural(name: str) -> str:
    return {"supplier": "suppliers", "category": "categories"}[name]


async def test_the_customers_of_orders_stand_beside_their_ids(http: AsyncClient, admin: dict[str, str]) -> None:
    query = {"expand": "customer", "fields": "order_id,customer_id,customer", "limit": "200"}
    response = await http.get("/v1/orders", params=query | {"sort": "order_id"}, headers=admin)
    shown = [(one["customer_id"], one["customer"]["customer_id"]) for one in response.json()["items"]]
    assert 200 == len(shown)
    assert [] == [one for one in shown if one[0] != one[1]]


async def test_the_products_of_an_order_stand_in_its_lines(http: AsyncClient, admin: dict[str, str]) -> None:
    path = "/v1/orders/10248"
    plain = (await http.get(path, headers=admin)).json()
    order = (await http.get(path, params={"expand": "product,customer"}, headers=admin)).json()
    assert 3 == len(order["lines"])
    for before, line in zip(plain["lines"], order["lines"], strict=True):
        assert {**before, "product": (await http.get(f"/v1/products/{line['product_id']}")).json()} == line
    assert {**plain, "lines": order["lines"], "customer": order["customer"]} == order


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/customers/ERNSH/orders"])
async def test_the_orders_of_a_page_have_the_lines_of_each(http: AsyncClient, admin: dict[str, str], path: str) -> None:
    query = {"placed_until": "1998-12-31", "limit": "200"}
    plain = (await http.get(path, params=query, headers=admin)).json()["items"]
    shown = (await http.get(path, params={**query, "expand": "lines"}, headers=admin)).json()["items"]
    assert plain == [{name: value for name, value in one.items() if name != "lines"} for one in shown]
    assert [one["total"] for one in shown] == [_total(one["lines"]) for one in shown]
    for one in shown[:3]:
        assert (await http.get(f"/v1/orders/{one['order_id']}", headers=admin)).json()["lines"] == one["lines"]


def _total(lines: list[dict[str, str]]) -> str:
    return str(sum((Decimal(line["amount"]) for line in lines), Decimal("0.00")))


async def test_all_orders_come_as_csv_and_as_ndjson_in_the_order_of_the_pages(
    http: AsyncClient, admin: dict[str, str]
) -> None:
    path = "/v1/orders?placed_until=1998-12-31"
    items = await every(http, path.partition("?")[0], admin, placed_until="1998-12-31", limit=200)
    as_csv = await http.get(path, headers={**admin, "Accept": "text/csv"})
    as_lines = await http.get(path, headers={**admin, "Accept": "application/x-ndjson"})
    assert 830 == len(items)
    rows = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert [(str(one["order_id"]), one["total"]) for one in items] == [(row["order_id"], row["total"]) for row in rows]
    assert items == [json.loads(line) for line in as_lines.text.splitlines()]


async def test_products_and_customers_are_read_by_ids(http: AsyncClient, user: dict[str, str]) -> None:
    products = await http.get("/v1/products?ids=3,77,1,999999&fields=product_id", headers=user)
    assert [3, 77, 1] == [one["product_id"] for one in products.json()["items"]]
    customers = await http.get("/v1/customers?ids=wolza,ALFKI", headers=user)
    assert ["WOLZA", "ALFKI"] == [one["customer_id"] for one in customers.json()["items"]]


async def test_a_batch_answers_fifty_reads(http: AsyncClient, user: dict[str, str]) -> None:
    requests = [{"path": f"/v1/products/{number}"} for number in range(1, 51)]
    response = await http.post("/v1/batch", json={"requests": requests}, headers=user)
    answers = response.json()["responses"]
    assert [*range(1, 51)] == [answer["body"]["product_id"] for answer in answers]


async def test_a_batch_ends_no_stream(http: AsyncClient, user: dict[str, str]) -> None:
    response = await http.post("/v1/batch", json={"requests": [{"path": "/v1/events"}]}, headers=user)
    assert [422] == [answer["status"] for answer in response.json()["responses"]]


async def test_a_dashboard_and_an_overview_have_every_part(http: AsyncClient, user: dict[str, str]) -> None:
    for path in ("/v1/dashboard", "/v1/customers/ALFKI/overview"):
        response = await http.get(path, headers=user)
        assert 200 == response.status_code
        assert [] == [name for name, part in response.json().items() if "reason" in part]

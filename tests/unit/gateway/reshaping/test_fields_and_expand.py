import json

import pytest
from httpx2 import AsyncClient

from contracts.products import ProductPage
from contracts.products_suppliers import SupplierPage
from mesh.core.errors import Unavailable
from subjects import (
    CUSTOMERS_GET_MANY,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_GET,
    PRODUCTS_GET_MANY,
    PRODUCTS_LIST,
    PRODUCTS_SUPPLIERS_LIST,
)
from tests.support.gateway.resources import BEVERAGES, CHAI, EXOTIC_LIQUIDS
from tests.support.gateway.world import World

SUPPLIER = EXOTIC_LIQUIDS.model_dump(mode="json")
CATEGORY = BEVERAGES.model_dump(mode="json")
UNKNOWN = ("invalid_request", "unknown_field")


async def test_fields_are_all_that_a_resource_has(http: AsyncClient) -> None:
    response = await http.get("/v1/products/1?fields=unit_price,product_name")
    assert {"product_name": "Chai", "unit_price": "18.00"} == response.json()
    assert ('"3"', str(len(response.content))) == (response.headers["etag"], response.headers["content-length"])


async def test_fields_are_all_that_an_item_of_a_list_has(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products?fields=product_id&limit=7")
    assert {"items": [{"product_id": 1}], "next_cursor": None} == response.json()
    assert {"limit": 7} == world.last.sent


async def test_the_next_page_has_the_same_fields(http: AsyncClient, user: dict[str, str]) -> None:
    response = await http.get("/v1/customers?fields=city&limit=1", headers=user)
    assert "/v1/customers?fields=city&limit=1&cursor=bmV4dA" == response.links["next"]["url"]


async def test_head_tells_of_the_same_fields(http: AsyncClient) -> None:
    response = await http.head("/v1/products/1?fields=product_id")
    assert (200, str(len('{"product_id":1}'))) == (response.status_code, response.headers["content-length"])


async def test_an_empty_parameter_is_not_set(http: AsyncClient) -> None:
    assert CHAI.model_dump(mode="json") == (await http.get("/v1/products/1?fields=&expand=")).json()


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ("fields=product_name,colour", "fields", "unknown_field"),
        ("fields=product_name,", "fields", "unknown_field"),
        ("fields=supplier", "fields", "unknown_field"),
        ("fields=product_id&fields=unit_price", "fields", "given_twice"),
        ("expand=customer", "expand", "unknown_field"),
        ("expand=supplier&expand=category", "expand", "given_twice"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/products", "/v1/products/1"])
async def test_what_is_not_there_is_422(http: AsyncClient, path: str, query: str, field: str, reason: str) -> None:
    response = await http.get(f"{path}?{query}")
    assert (422, "invalid_request") == (response.status_code, response.json()["reason"])
    assert [(field, reason)] == [(one["field"], one["reason"]) for one in response.json()["errors"]]


async def test_who_may_not_read_learns_no_fields(http: AsyncClient) -> None:
    assert 401 == (await http.get("/v1/customers?fields=colour")).status_code


async def test_a_route_without_fields_knows_no_such_parameter(http: AsyncClient) -> None:
    assert 422 == (await http.get("/healthz?fields=alive")).status_code


async def test_objects_stand_beside_their_ids(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/products/1?expand=supplier,category", headers=user)
    assert {**CHAI.model_dump(mode="json"), "supplier": SUPPLIER, "category": CATEGORY} == response.json()
    expected = {PRODUCTS_GET, PRODUCTS_SUPPLIERS_LIST, PRODUCTS_CATEGORIES_LIST}
    assert expected == {seen.endpoint for seen in world.asked}


async def test_objects_of_a_page_are_read_together(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    many = tuple(CHAI.model_copy(update={"product_id": number}) for number in range(1, 51))
    world.replies[PRODUCTS_LIST] = ProductPage(items=many, next_cursor=None)
    response = await http.get("/v1/products?expand=supplier&fields=product_id,supplier", headers=user)
    assert [{"product_id": one.product_id, "supplier": SUPPLIER} for one in many] == response.json()["items"]
    assert [PRODUCTS_LIST, PRODUCTS_SUPPLIERS_LIST] == [seen.endpoint for seen in world.asked]


async def test_an_unknown_object_is_null(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.replies[PRODUCTS_GET] = CHAI.model_copy(update={"supplier_id": 9, "category_id": None})
    response = await http.get("/v1/products/1?expand=supplier,category", headers=user)
    assert (None, None) == (response.json()["supplier"], response.json()["category"])


async def test_an_expanded_object_changes_the_etag_but_not_the_version(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    etags = []
    for city in ("London", "Leeds"):
        items = (EXOTIC_LIQUIDS.model_copy(update={"city": city}),)
        world.replies[PRODUCTS_SUPPLIERS_LIST] = SupplierPage(items=items, next_cursor=None)
        etags.append((await http.get("/v1/products/1?expand=supplier", headers=user)).headers["etag"])
    assert etags[0] != etags[1]
    assert ["3", "3"] == [etag.strip('"').partition("-")[0] for etag in etags]
    headers = {**user, "If-None-Match": etags[1]}
    assert 304 == (await http.get("/v1/products/1?expand=supplier", headers=headers)).status_code


async def test_what_has_private_objects_is_private(http: AsyncClient, user: dict[str, str]) -> None:
    response = await http.get("/v1/products/1?expand=supplier", headers=user)
    assert "private, no-cache" == response.headers["cache-control"]


async def test_the_access_of_the_object_holds(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products?expand=supplier")
    assert (401, "token_required") == (response.status_code, response.json()["reason"])
    assert [PRODUCTS_LIST] == [seen.endpoint for seen in world.asked]


async def test_an_object_that_cannot_be_read_fails_the_request(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    world.fails[PRODUCTS_SUPPLIERS_LIST] = Unavailable("database_unavailable", "no database")
    response = await http.get("/v1/products/1?expand=supplier", headers=user)
    assert (503, "1") == (response.status_code, response.headers["retry-after"])


async def test_the_customers_of_orders_are_read_by_id(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    response = await http.get("/v1/orders?expand=customer", headers=admin)
    assert 200 == response.status_code
    customer_ids = sorted({one["customer_id"] for one in response.json()["items"] if one["customer_id"]})
    asked = [seen.sent for seen in world.asked if seen.endpoint is CUSTOMERS_GET_MANY]
    assert [{"customer_ids": customer_ids}] == asked if customer_ids else asked == []


@pytest.mark.parametrize("path", ["/v1/orders/11078", "/v1/cart", "/v1/shipments/1"])
async def test_the_products_of_all_lines_are_read_at_once(
    http: AsyncClient, world: World, user: dict[str, str], path: str
) -> None:
    shown = (await http.get(f"{path}?expand=product", headers=user)).json()
    lines = [line for name in ("lines", "items", "short") for line in shown.get(name, ())]
    found = {line["product_id"]: line["product"] for line in lines}
    assert [key for key, product in found.items() if product] == [one["product_id"] for one in found.values() if one]
    assert found
    (asked,) = (seen.sent["product_ids"] for seen in world.asked if seen.endpoint is PRODUCTS_GET_MANY)
    assert {line["product_id"] for line in lines} == set(asked)
    refused = await http.get(f"{path}?expand=product&fields=product", headers=user)
    assert (422, "fields") == (refused.status_code, refused.json()["errors"][0]["field"])


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/customers?ids=alfki,ANATR,ALFKI", (CUSTOMERS_GET_MANY, {"customer_ids": ["ALFKI", "ANATR"]})),
        ("/v1/products?ids=3,1,4294967296", (PRODUCTS_GET_MANY, {"product_ids": [3, 1]})),
        ("/v1/suppliers?ids=1", (PRODUCTS_SUPPLIERS_LIST, {"limit": 200, "cursor": None})),
        ("/v1/categories?ids=1", (PRODUCTS_CATEGORIES_LIST, {"limit": 200, "cursor": None})),
    ],
)
async def test_a_list_is_read_by_ids(
    http: AsyncClient, world: World, user: dict[str, str], path: str, asked: object
) -> None:
    response = await http.get(path, headers=user)
    assert (200, 1, None) == (response.status_code, len(response.json()["items"]), response.json()["next_cursor"])
    assert [asked] == [(seen.endpoint, seen.sent) for seen in world.asked]


async def test_ids_that_no_row_can_have_are_not_asked_for(http: AsyncClient, world: World) -> None:
    assert [] == (await http.get("/v1/products?ids=4294967296")).json()["items"]
    assert [] == world.asked


@pytest.mark.parametrize("query", ["ids=1,,2", "ids=0", "ids=x", "ids=1&limit=2", "ids=" + "1," * 200 + "1"])
async def test_ids_that_do_not_fit_are_422(http: AsyncClient, query: str) -> None:
    response = await http.get(f"/v1/products?{query}")
    assert (422, ["ids"]) == (response.status_code, [one["field"] for one in response.json()["errors"]])


async def test_the_document_tells_of_fields_and_objects(http: AsyncClient) -> None:
    operation = json.loads((await http.get("/openapi.json")).content)["paths"]["/v1/orders"]["get"]
    known = {one["name"]: one["schema"] for one in operation["parameters"]}
    assert ["customer", "lines"] == known["expand"]["items"]["enum"]
    assert {"order_id", "total", "customer", "lines"} <= set(known["fields"]["items"]["enum"])
    assert {"application/json", "text/csv", "application/x-ndjson"} == operation["responses"]["200"]["content"].keys()

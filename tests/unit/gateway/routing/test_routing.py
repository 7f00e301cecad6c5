import pytest
from httpx2 import AsyncClient

from subjects import CUSTOMERS_CREATE
from tests.support.gateway.world import World
from tests.support.http.problems import problem

JSON = {"Content-Type": "application/json"}

MALFORMED = {
    "half an object": b'{"customer_id": "ALFKI"',
    "a lone surrogate": rb'{"customer_id":"ALFKI","company_name":"\ud800"}',
    "not UTF-8": b'{"customer_id":"ALFKI","company_name":"\xff"}',
    "unbounded nesting": b"[" * 9_000,
    "two documents": b"{}{}",
    "a bare word": b"hello",
    "a single quote": b"{'customer_id': 'ALFKI'}",
    "a name twice": b'{"customer_id":"ALFKI","company_name":"a","company_name":"b"}',
    "a name twice, below an unknown one": b'{"customer_id":"ALFKI","x":{"a":1,"a":1}}',
    "a byte order mark": b'\xef\xbb\xbf{"customer_id":"ALFKI","company_name":"a"}',
}

MISFITS = {
    "a list": (b"[]", ""),
    "null": (b"null", ""),
    "a number": (b"1", ""),
    "an unknown field": (b'{"product_name":"Chai","unit_price":"1","x":1}', "x"),
    "NUL": (rb'{"product_name":"\u0000","unit_price":"1"}', "product_name"),
    "a price as a number": (b'{"product_name":"Chai","unit_price":18.0}', "unit_price"),
    "a price that is NaN": (b'{"product_name":"Chai","unit_price":"NaN"}', "unit_price"),
    "a negative price": (b'{"product_name":"Chai","unit_price":"-1"}', "unit_price"),
    "three decimals": (b'{"product_name":"Chai","unit_price":"1.005"}', "unit_price"),
    "true for a number": (b'{"product_name":"Chai","unit_price":"1","units_in_stock":true}', "units_in_stock"),
    "text for a number": (b'{"product_name":"Chai","unit_price":"1","units_in_stock":"1"}', "units_in_stock"),
    "2^31": (b'{"product_name":"Chai","unit_price":"1","units_in_stock":2147483648}', "units_in_stock"),
    "2^63": (b'{"product_name":"Chai","unit_price":"1","units_in_stock":9223372036854775808}', "units_in_stock"),
    "a fraction": (b'{"product_name":"Chai","unit_price":"1","units_in_stock":1.5}', "units_in_stock"),
    "infinity": (b'{"product_name":"Chai","unit_price":"1","units_in_stock":1e400}', "units_in_stock"),
    "an infinite price": (b'{"product_name":"Chai","unit_price":1e400}', "unit_price"),
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_malformed_json_is_400(http: AsyncClient, admin: dict[str, str], what: str) -> None:
    response = await http.post("/v1/customers", content=MALFORMED[what], headers={**admin, **JSON})
    said = problem(response, 400, "malformed_json")
    assert "invalid_argument" == said.code


@pytest.mark.parametrize("what", MISFITS)
async def test_a_body_that_does_not_fit_is_422(
    http: AsyncClient, world: World, admin: dict[str, str], what: str
) -> None:
    body, field = MISFITS[what]
    response = await http.post("/v1/products", content=body, headers={**admin, **JSON})
    said = problem(response, 422, "invalid_payload")
    assert [field] == [error.field for error in said.errors]


async def test_nan_is_no_json_number(http: AsyncClient, admin: dict[str, str]) -> None:
    body = b'{"product_name":"Chai","unit_price":"1","units_in_stock":NaN}'
    response = await http.post("/v1/products", content=body, headers={**admin, **JSON})
    problem(response, 400, "malformed_json")


@pytest.mark.parametrize("name", ["s3cret", "x" * 4_000, "\x1b[2J"])
async def test_what_was_sent_is_not_repeated(http: AsyncClient, admin: dict[str, str], name: str) -> None:
    body = {"product_name": name + "\0", "unit_price": name}
    response = await http.post("/v1/products", json=body, headers=admin)
    said = problem(response, 422, "invalid_payload")
    assert ["product_name", "unit_price"] == [error.field for error in said.errors]
    assert name not in response.text
    assert "input" not in response.json()["errors"][0]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "json", "", None])
async def test_a_body_that_is_not_said_to_be_json_is_415(
    http: AsyncClient, admin: dict[str, str], content_type: str | None
) -> None:
    headers = admin if content_type is None else {**admin, "Content-Type": content_type}
    response = await http.post("/v1/customers", content=b'{"customer_id":"ALFKI"}', headers=headers)
    said = problem(response, 415, "unsupported_media_type")
    assert "invalid_argument" == said.code


async def test_json_may_name_its_charset(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    body = '{"customer_id":"ALFKI","company_name":"Café"}'.encode()
    headers = {**admin, "Content-Type": "application/json; charset=utf-8"}
    assert 201 == (await http.post("/v1/customers", content=body, headers=headers)).status_code
    assert (CUSTOMERS_CREATE, "Café") == (world.last.endpoint, world.last.sent["company_name"])


async def test_no_body_where_one_is_needed_is_422(http: AsyncClient, admin: dict[str, str]) -> None:
    said = problem(await http.post("/v1/customers", headers=admin), 422, "invalid_request")
    assert ["body"] == [error.field for error in said.errors]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/products?colour=red",
        "/v1/products/1?colour=red",
        "/v1/auth/me?colour=red",
        "/healthz?colour=red",
        "/v1/categories?colour",
    ],
)
async def test_an_unknown_query_parameter_is_422(http: AsyncClient, user: dict[str, str], path: str) -> None:
    response = await http.get(path, headers=user)
    said = problem(response, 422, response.json()["reason"])
    assert ["colour"] == [error.field for error in said.errors]
    assert "red" not in response.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=201", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("limit=1e400", "limit"),
        ("limit=NaN", "limit"),
        ("limit=true", "limit"),
        ("category_id=2147483648", "category_id"),
        ("category_id=1.5", "category_id"),
        ("discontinued=2", "discontinued"),
        ("min_price=-1", "min_price"),
        ("min_price=NaN", "min_price"),
        ("min_price=1e400", "min_price"),
        ("max_price=0.001", "max_price"),
        ("q=%00", "q"),
        ("q=" + "x" * 101, "q"),
        ("sort=colour", "sort"),
        ("cursor=%2F", "cursor"),
        ("cursor=" + "x" * 1025, "cursor"),
    ],
)
async def test_a_query_that_does_not_fit_is_422(http: AsyncClient, query: str, field: str) -> None:
    said = problem(await http.get(f"/v1/products?{query}"), 422, "invalid_request")
    assert [field] == [error.field for error in said.errors]
    assert f"invalid parameters: {field}" == said.detail


async def test_bytes_that_are_not_utf_8_do_no_harm(http: AsyncClient) -> None:
    problem(await http.get("/v1/products?q=%ff%ed%a0%80"), 422, "invalid_request")
    problem(await http.get("/v1/%ff%ed%a0%80"), 404, "unknown_path")
    said = problem(await http.get("/v1/products?%00%ed=1"), 422, "invalid_request")
    assert said.errors[0].field.isprintable()

import asyncio
import contextlib
import json
import socket

import pytest
from httpx2 import URL, AsyncClient

from mesh.nats.transport import NatsTransport
from mesh.wire.names import ERROR_CODE
from tests.support.contract.givens import MARK, free_key
from tests.support.http.problems import problem

Headers = dict[str, str]

OUT_OF_RANGE = [str(2**31), str(2**63), "1" * 400, "-1", "1e400", "-1e400", "NaN", "Infinity", "1.5", "true", '"1"']


async def post(http: AsyncClient, path: str, body: bytes, headers: Headers) -> tuple[int, str]:
    """Status and reason of a refusal, which must be a problem."""
    response = await http.post(path, content=body, headers={**headers, "Content-Type": "application/json"})
    reason = response.json()["reason"]
    problem(response, response.status_code, reason)
    return response.status_code, reason


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("invalid_payload", '"nobody_knows": 1'),
        ("invalid_payload", '"version": 1'),
        ("invalid_payload", '"city": 7'),
        ("invalid_payload", '"city": ["Bonn"]'),
        ("invalid_payload", '"city": {}'),
        ("invalid_payload", '"city": ""'),
        ("invalid_payload", r'"city": " \t\u2003"'),
        ("invalid_payload", f'"city": "{"B" * 61}"'),
        ("invalid_payload", r'"city": "\u0000"'),
        ("invalid_payload", r'"city": "Bonn\u0000"'),
        ("malformed_json", r'"city": "\ud800"'),
        ("malformed_json", r'"city": "\udc00\ud800"'),
        ("malformed_json", '"city": "\x00"'),
        ("malformed_json", '"city": Bonn'),
        ("malformed_json", f'"city": {"[" * 1000}{"]" * 1000}'),
        ("malformed_json", '"city": ' + '{"a":' * 1000 + "1" + "}" * 1000),
    ],
    ids=lambda value: value[:24],
)
async def test_a_bad_customer_is_refused_by_gateway_and_worker_alike(
    http: AsyncClient, admin: Headers, operator: NatsTransport, reason: str, fields: str
) -> None:
    body = f'{{"customer_id": "{free_key()}", "company_name": "{MARK}", {fields}}}'.encode()
    status = 400 if reason == "malformed_json" else 422

    assert (status, reason) == await post(http, "/v1/customers", body, admin)

    # The operator may read alone: the same field, where a list has it.
    reply = await operator.request("customers.list", f"{{{fields}}}".encode(), {}, 5)
    assert ("422", reason) == (reply.headers[ERROR_CODE], json.loads(reply.payload)["reason"])


@pytest.mark.parametrize("number", OUT_OF_RANGE, ids=lambda number: number[:12])
async def test_a_number_out_of_range_is_refused_by_gateway_and_worker_alike(
    http: AsyncClient, admin: Headers, operator: NatsTransport, number: str
) -> None:
    body = f'{{"product_name": "{MARK}", "unit_price": "1.00", "units_in_stock": {number}}}'.encode()

    expected = (400, "malformed_json") if number in {"NaN", "Infinity"} else (422, "invalid_payload")
    assert expected == await post(http, "/v1/products", body, admin)

    for subject, field in (("products.get", "product_id"), ("products.list", "limit")):
        reply = await operator.request(subject, f'{{"{field}": {number}}}'.encode(), {}, 5)
        told = json.loads(reply.payload)
        named = [field] if expected[1] == "invalid_payload" else []
        assert ("422", named) == (reply.headers[ERROR_CODE], [error["field"] for error in told["errors"]])


@pytest.mark.parametrize("number", ["0", str(2**31), str(2**63), "9" * 400, "-1", "1e400", "NaN", "1.5", "x"])
async def test_a_path_that_is_no_id_is_not_found(http: AsyncClient, number: str) -> None:
    response = await http.get(f"/v1/products/{number}")

    assert ["product_id"] == [error.field for error in problem(response, 404, "product_not_found").errors]


@pytest.mark.parametrize("key", ["ALFK", "ALFKIS", "ALFK1", "ÄLFKI", "%20ALFKI"])
async def test_a_path_that_is_no_customer_key_is_not_found(http: AsyncClient, user: Headers, key: str) -> None:
    response = await http.get(f"/v1/customers/{key}", headers=user)

    assert ["customer_id"] == [error.field for error in problem(response, 404, "customer_not_found").errors]


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("limit", "limit=0"),
        ("limit", "limit=201"),
        ("limit", f"limit={2**63}"),
        ("limit", "limit=1e400"),
        ("limit", "limit=NaN"),
        ("limit", "limit=-1"),
        ("sort", "sort=phone"),
        ("sort", "sort=--city"),
        ("sort", "sort=city;DROP TABLE customers"),
        ("cursor", "cursor=%00"),
        ("cursor", "cursor=not base64!"),
        ("cursor", f"cursor={'A' * 3073}"),
        ("q", "q=%00"),
        ("q", f"q={'x' * 101}"),
        ("country", "country=%00"),
        ("page", "page=2"),
        ("Country", "Country=Germany"),
    ],
)
async def test_a_bad_query_is_refused_and_the_parameter_named(
    http: AsyncClient, user: Headers, field: str, query: str
) -> None:
    response = await http.get(f"/v1/customers?{query}", headers=user)

    assert [field] == [error.field for error in problem(response, 422, "invalid_request").errors]


@pytest.mark.parametrize("cursor", ["A", "AAAA", "AAAAAAAAAAAWyJBTEZLSSJd", "-" * 1024])
async def test_a_made_up_cursor_is_refused_by_every_list(http: AsyncClient, user: Headers, cursor: str) -> None:
    for path in ("/v1/customers", "/v1/products", "/v1/categories", "/v1/suppliers"):
        problem(await http.get(path, params={"cursor": cursor}, headers=user), 422, "invalid_cursor")


async def test_a_query_that_no_route_knows_is_refused(http: AsyncClient) -> None:
    refused = problem(await http.get("/v1/products/1?verbose=1"), 422, "invalid_request")
    assert ["unknown_field"] == [error.reason for error in refused.errors]


async def test_bytes_that_are_no_text_are_refused_by_name(http: AsyncClient, user: Headers) -> None:
    refused = problem(await http.get("/v1/customers?q=%FF%FE", headers=user), 422, "invalid_request")

    assert [("q", "malformed_text")] == [(error.field, error.reason) for error in refused.errors]


@pytest.mark.parametrize(
    ("status", "reason", "body"),
    [
        (422, "invalid_request", b""),
        (400, "malformed_json", b"{"),
        (400, "malformed_json", b"\xff"),
        (400, "malformed_json", b"\xef\xbb\xbf{}"),
        (422, "invalid_payload", b"null"),
        (422, "invalid_payload", b"[]"),
        (422, "invalid_payload", b"{}"),
    ],
)
async def test_what_is_no_object_is_refused(
    http: AsyncClient, admin: Headers, status: int, reason: str, body: bytes
) -> None:
    for path in ("/v1/customers", "/v1/products", "/v1/auth/login"):
        response = await http.post(path, content=body, headers={**admin, "Content-Type": "application/json"})
        problem(response, status, reason)


@pytest.mark.parametrize("framing", ["Content-Length: 10000000", "Transfer-Encoding: chunked"])
async def test_a_body_of_ten_megabytes_is_413(http: AsyncClient, admin: Headers, framing: str) -> None:
    head = (
        f"POST /v1/customers HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
        f"Authorization: {admin['Authorization']}\r\n{framing}\r\n\r\n"
    )
    piece = b"x" * 50_000 if "Length" in framing else b"c350\r\n" + b"x" * 50_000 + b"\r\n"

    answer = await asyncio.to_thread(send_all_then_read, http.base_url, head.encode(), [piece] * 200)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"reason":"body_too_large"' in answer
    assert 200 == (await http.get("/healthz")).status_code


def send_all_then_read(address: URL, head: bytes, pieces: list[bytes]) -> bytes:
    """What the gateway says to a client that goes on sending until it cannot."""
    with socket.create_connection((address.host, address.port or 80), timeout=20) as connection:
        connection.sendall(head)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65_536):
                answer += more
        return answer


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
async def test_a_body_that_is_not_json_by_its_type_is_415(http: AsyncClient, admin: Headers, content_type: str) -> None:
    body = json.dumps({"customer_id": free_key(), "company_name": MARK}).encode()

    response = await http.post("/v1/customers", content=body, headers={**admin, "Content-Type": content_type})

    problem(response, 415, "unsupported_media_type")


async def test_who_may_not_hears_that_before_what_is_wrong_with_the_body(http: AsyncClient, user: Headers) -> None:
    problem(await http.post("/v1/customers", content=b"{"), 401, "token_required")
    problem(await http.post("/v1/customers", json={"nobody_knows": 1}, headers=user), 403, "role_required")


@pytest.mark.parametrize("path", ["/v1", "/v1/carts", "/v1/customers//", "/v1/customers/ALFKI/carts"])
async def test_an_unknown_path_is_a_404_problem(http: AsyncClient, user: Headers, path: str) -> None:
    problem(await http.get(path, headers=user), 404, "unknown_path")


@pytest.mark.parametrize(
    ("allowed", "method", "path"),
    [
        ("GET, HEAD, OPTIONS, POST", "DELETE", "/v1/customers"),
        ("DELETE, GET, HEAD, OPTIONS, PATCH, PUT", "POST", "/v1/customers/ALFKI"),
        ("OPTIONS, POST", "GET", "/v1/auth/login"),
        ("GET, HEAD, OPTIONS", "POST", "/v1/products/1/stock"),
    ],
)
async def test_an_unknown_method_is_a_405_problem_that_names_the_known(
    http: AsyncClient, allowed: str, method: str, path: str
) -> None:
    response = await http.request(method, path)

    problem(response, 405, "method_not_allowed")
    assert allowed == response.headers["allow"]

import pytest
from httpx2 import AsyncClient

from tests.support.http.problems import problem


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        *(
            (f"limit={value}", "limit", "wrong_type")
            for value in ("1.0", "1_0", "%2B1", "%201", "1e1", "0x1", "\u0661", "true")
        ),
        *((f"discontinued={value}", "discontinued", "wrong_type") for value in ("yes", "t", "on", "1", "True")),
        *((f"category_id={value}", "category_id", "wrong_type") for value in ("1.0", "1_0", "9" * 30)),
        ("limit=1&limit=2", "limit", "given_twice"),
        ("q=a&limit=1&q=b", "q", "given_twice"),
        ("q=%ff", "q", "malformed_text"),
        ("q=%ed%a0%80", "q", "malformed_text"),
        ("%ff=1", "\\udcff", "malformed_text"),
        ("nonsense=1", "nonsense", "unknown_field"),
        ("nonsense=", "nonsense", "unknown_field"),
        ("limit=&limit=1", "limit", "given_twice"),
    ],
)
async def test_a_query_that_could_be_read_in_two_ways_is_refused_by_name(
    http: AsyncClient, query: str, field: str, reason: str
) -> None:
    refused = problem(await http.get(f"/v1/products?{query}"), 422, "invalid_request")
    assert (field, reason) in [(one.field, one.reason) for one in refused.errors]


@pytest.mark.parametrize("product_id", ["1.0", "1_0", "+1", "%201", "0x1", "one"])
async def test_an_id_in_a_path_is_digits(http: AsyncClient, product_id: str) -> None:
    refused = problem(await http.get(f"/v1/products/{product_id}"), 404, "product_not_found")
    assert ["product_id"] == [one.field for one in refused.errors]


async def test_two_authorization_headers_are_one_too_many(http: AsyncClient) -> None:
    twice = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    problem(await http.get("/v1/products", headers=twice), 400, "malformed_request")

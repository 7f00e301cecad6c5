import pytest

from console.catalogue import as_http, catalogue
from subjects import ENDPOINTS


def test_every_endpoint_is_in_the_catalogue() -> None:
    assert {endpoint.subject for endpoint in ENDPOINTS} == set(catalogue().endpoints)
    assert "nats" == catalogue().endpoints["customers.get"]["over"]
    assert "http" == catalogue().endpoints["customers.update"]["over"]
    assert catalogue().endpoints["products.stock.reserve"]["over"] is None


def test_a_change_is_sent_by_its_route() -> None:
    payload = {"customer_id": "ALFKI", "expected_version": 3, "patch": {"city": "Bonn"}}
    sent = as_http("PATCH /v1/customers/{customer_id}", payload)
    assert ("PATCH", "/v1/customers/ALFKI", {"If-Match": '"3"'}) == (sent.method, sent.path, sent.headers)
    assert {"city": "Bonn"} == sent.body


def test_a_read_is_sent_as_a_query() -> None:
    sent = as_http("GET /v1/products", {"limit": 2, "discontinued": False, "cursor": None})
    assert {"limit": "2", "discontinued": "false"} == sent.query


@pytest.mark.parametrize("key", ["", "..", "a/b", "a?b", "a%2fb", None])
def test_a_value_that_would_change_the_path_is_refused(key: str | None) -> None:
    with pytest.raises(ValueError, match=r"path|missing"):
        as_http("GET /v1/customers/{customer_id}", {"customer_id": key})

"""Generated payloads are what they are called, and the same ones for the same seed."""

import pytest

from cli.contracts.declared import DECLARED
from conform.payloads import invalid, valid
from conform.shapes import Shape
from mesh.core.endpoint import Endpoint
from ops.contracts.document import built
from subjects import CUSTOMERS_CREATE, CUSTOMERS_LIST, ORDERS_LIST, ORDERS_PLACE, PRODUCTS_UPDATE

CONTRACTS = built(DECLARED).endpoints
SOME = [CUSTOMERS_CREATE, CUSTOMERS_LIST, ORDERS_LIST, ORDERS_PLACE, PRODUCTS_UPDATE]


@pytest.mark.parametrize("endpoint", SOME, ids=lambda one: one.subject)
def test_a_worker_of_this_repository_reads_what_is_valid_and_nothing_else(endpoint: Endpoint) -> None:  # type: ignore[type-arg]
    schema = CONTRACTS[endpoint.subject].request
    payloads = valid(schema, 8, seed=1)
    wrong = list(invalid(schema, payloads))

    assert payloads
    assert wrong
    assert all(Shape(schema).fits(payload) for payload in payloads)
    assert not any(Shape(schema).fits(one.payload) for one in wrong)


def test_a_seed_repeats_them() -> None:
    schema = CONTRACTS["customers.create"].request
    assert valid(schema, 8, seed=7) == valid(schema, 8, seed=7)
    assert valid(schema, 8, seed=7) != valid(schema, 8, seed=8)

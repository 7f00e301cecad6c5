"""Whether a service fits what runs, by the pacts of running consumers and the hashes in discovery."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
from pydantic import create_model

from contracts.customers import Customer, GetCustomer
from mesh.core.endpoint import Endpoint
from mesh.wire.discovery import EndpointDocument, InstanceDocument
from ops.contracts.document import Declared
from ops.contracts.pacts.deploying import hindrances
from ops.contracts.pacts.reading import Pact, read_pacts
from subjects import CUSTOMERS_GET
from tests.support.paths import ROOT

EXAMPLES: Final = ROOT / "tests" / "contract" / "examples"
WIDER: Final = create_model("WiderCustomer", __base__=Customer, news=(str, ""))
STRICTER: Final = create_model("StricterGetCustomer", __base__=GetCustomer, why=(str, ...))


@pytest.fixture(scope="module")
def pacts() -> Sequence[Pact]:
    return read_pacts(ROOT / "docs" / "contracts" / "consumers")


def instances(declared: Declared, *left_out: str, **versions: str) -> list[InstanceDocument]:
    """An instance of each service of this checkout, but for those left out."""
    services = dict.fromkeys(endpoint.service for endpoint in declared.endpoints)
    return [
        InstanceDocument.model_validate(
            {
                "name": name,
                "id": f"{name}-1",
                "version": "1.0.0",
                "metadata": {"contract_version": versions.get(name, declared.version)},
                "endpoints": [
                    {"subject": one.subject, "metadata": {"contract": one.contract_hash()}}
                    for one in declared.endpoints
                    if one.service == name
                ],
            }
        )
        for name in (*services, "stock")
        if name not in left_out
    ]


def with_endpoint(declared: Declared, changed: Endpoint[Any, Any] | None) -> Declared:
    """The declarations with another `customers.get`, or without one."""
    rest = [one for one in declared.endpoints if one is not CUSTOMERS_GET]
    return replace(declared, endpoints=[*rest, changed] if changed else rest)


def sentences(
    declared: Declared, service: str, running: Sequence[InstanceDocument], pacts: Sequence[Pact]
) -> list[str]:
    return [one.sentence for one in hindrances(declared, service, running, pacts, EXAMPLES)]


@pytest.mark.parametrize("service", ["gateway", "customers", "orders", "stock"])
def test_what_runs_with_the_same_contracts_fits(service: str, declared: Declared, pacts: Sequence[Pact]) -> None:
    assert [] == sentences(declared, service, instances(declared), pacts)


def test_a_reply_with_more_fields_fits(declared: Declared, pacts: Sequence[Pact]) -> None:
    new = with_endpoint(declared, replace(CUSTOMERS_GET, reply=WIDER))
    assert [] == sentences(new, "customers", instances(declared), pacts)


def test_a_subject_that_is_gone_breaks_each_running_consumer(declared: Declared, pacts: Sequence[Pact]) -> None:
    new = with_endpoint(declared, None)
    gone = "this checkout does not serve the subject"
    gateway = f"customers.get: customers refuses what gateway sends: {gone}"
    orders = f"customers.get: customers refuses what orders sends: {gone}"

    assert [gateway, orders] == sentences(new, "customers", instances(declared), pacts)
    assert [gateway] == sentences(new, "customers", instances(declared, "orders"), pacts), "orders does not run"


def test_a_request_that_is_refused_breaks(declared: Declared, pacts: Sequence[Pact]) -> None:
    new = with_endpoint(declared, replace(CUSTOMERS_GET, request=STRICTER))
    found = sentences(new, "customers", instances(declared, "orders"), pacts)
    assert ["customers.get: customers refuses what gateway sends: why: Field required"] == found


def test_a_consumer_of_another_version_needs_its_own_pact(declared: Declared, pacts: Sequence[Pact]) -> None:
    [found] = sentences(declared, "customers", instances(declared, orders="0.0.9"), pacts)
    assert found.startswith(f"orders runs with the contracts 0.0.9, and its pact is of {declared.version}: record it")


def test_a_service_that_is_called_and_does_not_run_hinders(declared: Declared, pacts: Sequence[Pact]) -> None:
    found = sentences(declared, "orders", instances(declared, "customers"), pacts)
    assert ["customers.get: orders calls it, and no running instance serves it"] == found


def test_a_service_that_is_called_and_has_other_shapes_hinders(declared: Declared, pacts: Sequence[Pact]) -> None:
    old = with_endpoint(declared, replace(CUSTOMERS_GET, reply=WIDER))
    [found] = sentences(declared, "orders", instances(old), pacts)
    assert found.startswith(f"customers.get: orders knows its shapes as {CUSTOMERS_GET.contract_hash()}, and customers")
    assert "`mesh contracts verify --consumer orders --provider customers` tells" in found


def test_an_instance_that_does_not_tell_its_contracts_hinders(declared: Declared, pacts: Sequence[Pact]) -> None:
    endpoints = (EndpointDocument(subject="customers.get"),)
    silent = InstanceDocument(name="customers", id="1", version="1.0.0", endpoints=endpoints)
    [found] = sentences(declared, "orders", [*instances(declared, "customers"), silent], pacts)
    assert "customers runs with an instance that does not tell" in found

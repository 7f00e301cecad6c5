from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devstack.processes.program import process_names
from devstack.stack.environment import Surroundings
from devstack.stack.services import SERVICES
from devstack.stack.settings import ServiceName
from services import BY_NAME, PROCESSES

SURROUNDINGS = Surroundings(
    gateway_host="127.0.0.1",
    gateway_ports=[8080, 8081],
    nats_url="nats://127.0.0.1:4222",
    nats_seeds={name: name[0] for name in (*BY_NAME, "operator")},
    nats_ca=None,
    databases={
        row.name: f"{'mongodb' if row.store == 'mongo' else 'postgresql'}://{row.name}"
        for row in PROCESSES
        if row.store
    },
    admin_email="admin@northwind.example",
    admin_password="secret",
    keys={name: "key" for row in PROCESSES for name in row.keys},
)


def test_gateway_gets_its_address_and_its_own_nats_user() -> None:
    assert {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": "8080",
        "NATS_URL": "nats://127.0.0.1:4222",
        "NATS_NKEY_SEED": "g",
    } == SURROUNDINGS.environment("gateway", {})


def test_each_gateway_listens_on_its_own_port() -> None:
    assert "8081" == SURROUNDINGS.environment("gateway", {}, replica=1)["GATEWAY_PORT"]


def test_gateways_on_one_port_are_told_that_they_share_it() -> None:
    shared = replace(SURROUNDINGS, gateway_ports=[8080, 8080])
    assert "true" == shared.environment("gateway", {}, replica=1)["GATEWAY_REUSE_PORT"]


def test_each_process_shows_its_metrics_on_a_port_of_its_own() -> None:
    surroundings = replace(SURROUNDINGS, metrics_ports={"auth": 9100, "auth-2": 9101})
    terminal = {"METRICS_PORT": "9999"}
    assert "9100" == surroundings.environment("auth", terminal, 0, "auth")["METRICS_PORT"]
    assert "9101" == surroundings.environment("auth", terminal, 1, "auth-2")["METRICS_PORT"]
    assert "METRICS_PORT" not in surroundings.environment("stock", terminal)


@pytest.mark.parametrize("service", SERVICES)
def test_the_terminals_variables_pass_but_for_other_services(service: ServiceName) -> None:
    terminal = {f"{name.upper()}_THING": name for name in SERVICES} | {"PATH": "/bin", "LOG_LEVEL": "debug"}
    environment = SURROUNDINGS.environment(service, terminal)
    assert "debug" == environment["LOG_LEVEL"]
    assert {service} == {value for name, value in environment.items() if name.endswith("_THING")}


def test_our_nats_is_not_mixed_with_what_the_terminal_says_of_another() -> None:
    environment = SURROUNDINGS.environment("auth", {"NATS_CREDENTIALS": "x", "NATS_USER": "y"})
    assert not {"NATS_CREDENTIALS", "NATS_USER", "NATS_TLS_CA"} & set(environment)
    assert "a" == environment["NATS_NKEY_SEED"]


def test_who_vouches_for_an_encrypted_nats_is_told() -> None:
    encrypted = replace(SURROUNDINGS, nats_url="tls://127.0.0.1:4222", nats_ca=Path("/home/tls/ca.pem"))
    assert "/home/tls/ca.pem" == encrypted.environment("products", {})["NATS_TLS_CA"]


def test_somebody_elses_nats_is_used_as_the_terminal_says() -> None:
    terminal = {"NATS_USER": "all", "NATS_PASSWORD": "one", "NATS_OPERATOR_SEED": "not for services"}
    environment = replace(SURROUNDINGS, nats_seeds=None).environment("products", terminal)
    assert ("all", "one") == (environment["NATS_USER"], environment["NATS_PASSWORD"])
    assert "NATS_OPERATOR_SEED" not in environment


def test_seeding_may_be_switched_off_in_the_terminal() -> None:
    assert "true" == SURROUNDINGS.environment("customers", {})["CUSTOMERS_SEED"]
    assert "false" == SURROUNDINGS.environment("customers", {"CUSTOMERS_SEED": "false"})["CUSTOMERS_SEED"]


def test_secrets_are_not_shown() -> None:
    assert "postgresql://" not in repr(SURROUNDINGS)
    assert "secret" not in repr(SURROUNDINGS)


def test_processes_are_numbered_where_there_are_several() -> None:
    assert ["customers"] == process_names("customers", 1)
    assert ["customers-1", "customers-2"] == process_names("customers", 2)

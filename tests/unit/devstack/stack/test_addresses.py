from __future__ import annotations

import socket
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.servers.ports import Reservation, free_ports
from devstack.stack.addresses import gateway_ports, http_url
from devstack.stack.settings import StackSettings


def settings(http_port: int) -> StackSettings:
    return StackSettings(home=Path("unused"), http_port=http_port, replicas={"gateway": 2})


def test_gateways_take_the_port_that_was_asked_for_and_the_next_ones() -> None:
    first = next(port for port in free_ports(20) if not _taken(port + 1))
    assert (first, first + 1) == gateway_ports(settings(first))[0]


def test_gateways_take_free_ports_where_none_was_asked_for() -> None:
    ports, _ = gateway_ports(settings(0))
    assert 2 == len(set(ports))


def test_free_ports_of_gateways_are_nobody_elses_while_they_start() -> None:
    ports, reservation = gateway_ports(settings(0))
    with pytest.raises(DevstackError, match="fewer than 1 ports"):
        Reservation(1, ports)
    reservation.release()
    assert set(ports) == set(Reservation(2, ports).ports)


@pytest.mark.parametrize("asked_for", [True, False])
def test_gateways_may_share_a_port(asked_for: bool) -> None:  # noqa: FBT001
    port = free_ports(1)[0] if asked_for else 0
    shared, _ = gateway_ports(settings(port).model_copy(update={"share_http_port": True}))
    assert (2, 1) == (len(shared), len(set(shared)))
    assert not asked_for or (port, port) == shared


def test_a_port_that_the_second_gateway_cannot_have_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError, match=r"port \d+ is in use"):
            gateway_ports(settings(port - 1))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::", "http://[::1]:80"),
    ],
)
def test_a_url_names_an_address_that_can_be_reached(host: str, url: str) -> None:
    assert url == http_url(host, 80)


def _taken(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

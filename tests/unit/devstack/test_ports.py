from __future__ import annotations

import os
import socket

import pytest

from devstack.errors import DevstackError
from devstack.servers.ports import check_http_port, free_ports


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    ports = free_ports(50)
    assert 50 == len(set(ports))
    assert all(20_000 <= port < 32_768 for port in ports)


def test_a_free_port_passes() -> None:
    check_http_port("127.0.0.1", 0)


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError) as refused:
            check_http_port("127.0.0.1", port)
    assert f"port {port} is taken: free it, or choose another with --http-port" == str(refused.value)


def test_a_port_after_the_last_is_refused() -> None:
    with pytest.raises(DevstackError, match="there is no port 65536, the last is 65535"):
        check_http_port("127.0.0.1", 65_536)


def test_somebody_elses_address_is_refused() -> None:
    with pytest.raises(DevstackError, match=r"192\.0\.2\.1 is not an address of this machine"):
        check_http_port("192.0.2.1", 8080)


@pytest.mark.parametrize("host", ["..", "ü" * 64, "ü..example"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(DevstackError, match="is not an address of this machine"):
        check_http_port(host, 8080)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen everywhere")
def test_a_port_of_the_system_is_refused() -> None:
    with pytest.raises(DevstackError, match="from 1024 up"):
        check_http_port("127.0.0.1", 1)

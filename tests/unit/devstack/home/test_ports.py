from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.home.ports import keep_ports, read_ports
from devstack.servers.all import Servers
from devstack.servers.ports import Reservation, check_port, free_ports
from devstack.stack.addresses import gateway_ports
from devstack.stack.settings import StackSettings
from ops.process import ServerName


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    ports = free_ports(50)
    assert 50 == len(set(ports))
    assert all(20_000 <= port < 32_768 for port in ports)


def test_a_reserved_port_is_reserved_once_and_a_server_can_listen_there() -> None:
    reserved = Reservation(2)
    ports = reserved.ports
    with pytest.raises(DevstackError, match=r"fewer than 1 ports of 127.0.0.1 are free"):
        Reservation(1, ports)
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            reserved.release()
            with pytest.raises(DevstackError):
                Reservation(1, [port])


def test_a_reservation_ends_with_its_last_reference() -> None:
    reserved = Reservation(2)
    ports = reserved.ports
    del reserved

    assert set(ports) == set(Reservation(2, ports).ports)


def test_a_free_port_passes() -> None:
    check_port("127.0.0.1", 0)


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError) as refused:
            check_port("127.0.0.1", port)
    assert f"port {port} is in use: free it, or choose another with --http-port" == str(refused.value)


def test_a_port_after_the_last_is_refused() -> None:
    with pytest.raises(DevstackError, match="there is no port 65536, the last is 65535"):
        check_port("127.0.0.1", 65_536)


def test_somebody_elses_address_is_refused() -> None:
    with pytest.raises(DevstackError, match=r"192\.0\.2\.1 is not an address of this machine"):
        check_port("192.0.2.1", 8080)


@pytest.mark.parametrize("host", ["..", "ü" * 64, "ü..example"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(DevstackError, match="is not an address of this machine"):
        check_port(host, 8080)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen everywhere")
def test_a_port_of_the_system_is_refused() -> None:
    with pytest.raises(DevstackError, match="from 1024 up"):
        check_port("127.0.0.1", 1)


def test_the_ports_of_a_start_are_kept_for_the_next(tmp_path: Path) -> None:
    assert {} == read_ports(tmp_path)
    keep_ports(tmp_path, {"nats": [1, 2, 3], "gateway": [4]})
    keep_ports(tmp_path, {"nats": [5, 6, 7]})
    assert {"nats": (5, 6, 7), "gateway": (4,)} == read_ports(tmp_path)
    (tmp_path / "ports.json").write_text("[]")
    assert {} == read_ports(tmp_path)


def test_gateways_have_the_ports_that_were_kept_where_none_was_asked_for() -> None:
    one, two = free_ports(2)
    settings = StackSettings(home=Path("unused"), http_port=0, replicas={"gateway": 2})
    assert (one, two) == gateway_ports(settings, [one, two])[0]
    assert (one, two) != gateway_ports(settings, [one])[0]
    assert (two,) == gateway_ports(StackSettings(home=Path("unused"), http_port=two), [one])[0]


@pytest.mark.parametrize("name", ["nats", "postgres", "mongo"])
async def test_a_port_of_a_server_that_is_taken_is_one_line_with_the_way_out(tmp_path: Path, name: ServerName) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError) as refused:
            await Servers(tmp_path, only=[name], ports={name: port}).start()
        assert f"port {port} is in use: free it, or choose another with --{name}-port" == str(refused.value)
        keep_ports(tmp_path, {name: [port]})
        with pytest.raises(DevstackError, match=f"port {port} is in use: free it, or start without --keep-ports"):
            await Servers(tmp_path, only=[name], keep_ports=True).start()
    assert not (tmp_path / name).exists()

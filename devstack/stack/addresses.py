"""The addresses and URLs of gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devstack.home.ports import read_ports
from devstack.processes.program import process_names
from devstack.servers.ports import Reservation, check_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from devstack.stack.settings import StackSettings


def gateway_ports(settings: StackSettings, kept: Sequence[int] = ()) -> tuple[tuple[int, ...], Reservation]:
    """A port for each gateway: the requested one and those after it, or free ones. Also the reservation of free ones.

    With a shared port, all gateways have the same. In place of free ports, those in `kept` are used if there are
    enough. Another process may already listen on one.

    Raises:
        DevstackError: one is in use.

    """
    count = settings.replicas.get("gateway", 1)
    different = 1 if settings.share_http_port else count
    if settings.http_port == 0 and different == len(set(kept)):
        for port in set(kept) if "gateway" not in settings.absent else ():
            check_port(settings.http_host, port, "start without --keep-ports")
        return tuple(kept), Reservation(0)
    reservation = Reservation(0 if settings.http_port else different)
    if settings.http_port == 0:
        check_port(settings.http_host, 0)
        ports = reservation.ports
    else:
        ports = tuple(range(settings.http_port, settings.http_port + different))
        for port in ports if "gateway" not in settings.absent else ():
            check_port(settings.http_host, port)
    return ports * count if settings.share_http_port else ports, reservation


def kept_gateway_ports(settings: StackSettings, home: Path) -> list[int]:
    """The ports of the gateways at the last start, as far as they are known."""
    kept = read_ports(home)
    return [kept[name][0] for name in process_names("gateway", settings.replicas.get("gateway", 1)) if kept.get(name)]


def reachable(host: str) -> str:
    """An address to connect to, for one that may stand for all addresses of the machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def http_url(host: str, port: int) -> str:
    """The URL of a gateway on this address."""
    host = reachable(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

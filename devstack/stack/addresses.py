"""The addresses of a stack's own processes: gateways, metrics and the console."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devstack.home.ports import read_ports
from devstack.processes.program import process_names
from devstack.servers.ports import Reservation, check_port
from devstack.stack.console import console_address
from services import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from devstack.stack.console import ConsoleAddress
    from devstack.stack.settings import StackSettings


@dataclass(frozen=True)
class Ports:
    """The ports of a stack's own processes, reserved until `release`."""

    gateways: Sequence[int] = ()
    """One for each gateway."""
    metrics: Mapping[str, int] = field(default_factory=dict)
    """Where each process shows its metrics, by its name in stack.json."""
    console: ConsoleAddress | None = None
    """None if the console does not run."""
    reservations: Sequence[Reservation] = ()

    def release(self) -> None:
        """Let others have the ports: whatever was to listen there does."""
        for reservation in self.reservations:
            reservation.release()


def choose_ports(settings: StackSettings, home: Path) -> Ports:
    """The ports for a start. Raises DevstackError if a requested one is in use."""
    kept = kept_gateway_ports(settings, home) if settings.keep_ports else ()
    gateways, for_gateways = gateway_ports(settings, kept)
    names = [
        name
        for service in BY_NAME
        if service not in settings.absent
        for name in process_names(service, settings.replicas.get(service, 1))
    ]
    for_metrics = Reservation(len(names))
    metrics = dict(zip(names, for_metrics.ports, strict=True))
    console, for_console = (
        console_address(home, keep=settings.keep_ports) if settings.console else (None, Reservation(0))
    )
    return Ports(gateways, metrics, console, (for_gateways, for_metrics, for_console))


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

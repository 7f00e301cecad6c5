"""The console of a stack: its address, its secrets, and how the other processes send it their traces and logs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from devstack.home.ports import read_ports
from devstack.servers.ports import Reservation, is_free
from ops.nkeys import CONSOLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HOST: Final = "127.0.0.1"
_MOST_LINES: Final = "5"
"""Lines below warning of untraced requests that a process sends a second."""
_MOST_TRACED: Final = "5"
"""Requests that a gateway traces a second: each one that a person sends, and a cheap sample of a load test."""
_SLOW: Final = "0.5"
"""Seconds. A request that takes longer is always traced, as one that fails is."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class ConsoleAddress:
    """Where the console listens, and the secrets of this start."""

    port: int
    once: str = field(default_factory=_secret, repr=False)
    key: str = field(default_factory=_secret, repr=False)
    otlp: str = field(default_factory=_secret, repr=False)

    @property
    def url(self) -> str:
        """The URL that signs in, for stack.json: whoever reads that file may do everything anyway."""
        return f"http://{_HOST}:{self.port}/?token={self.key}"

    @property
    def printed_url(self) -> str:
        """The URL that signs in one browser, once: a terminal's text may be kept."""
        return f"http://{_HOST}:{self.port}/?token={self.once}"

    def environment(self, home: Path, gateway_url: str, nats: Mapping[str, str]) -> dict[str, str]:
        """The environment of the console's process."""
        return {
            **nats,
            "CONSOLE_HOST": _HOST,
            "CONSOLE_PORT": str(self.port),
            "CONSOLE_TOKEN": self.once,
            "CONSOLE_KEY": self.key,
            "CONSOLE_OTLP_TOKEN": self.otlp,
            "CONSOLE_STACK": str(home / "stack.json"),
            "CONSOLE_MAIL": str(home),
            "CONSOLE_GATEWAY_URL": gateway_url,
        }

    def telemetry(self, terminal: Mapping[str, str]) -> dict[str, str]:
        """What makes a process send its traces and logs to the console, unless the terminal says where to."""
        if any(name.startswith("OTEL_EXPORTER_OTLP") for name in terminal):
            return {}
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{_HOST}:{self.port}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={quote(f'Bearer {self.otlp}')}",
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
            "LOG_FORMAT": "otlp",
            "LOG_MOST_PER_SECOND": _MOST_LINES,
            "LOG_SEND_EVERY": "1",
            "TRACE_RATIO": "1",
            "TRACE_MOST_PER_SECOND": _MOST_TRACED,
            "TRACE_SLOWER_THAN": _SLOW,
        }


def console_address(home: Path, *, keep: bool) -> tuple[ConsoleAddress, Reservation]:
    """A free port for the console, or that of the last start if it is kept and free."""
    kept = read_ports(home).get(CONSOLE, ()) if keep else ()
    if kept and is_free(kept[0]):
        return ConsoleAddress(kept[0]), Reservation(0)
    reservation = Reservation(1)
    return ConsoleAddress(reservation.ports[0]), reservation

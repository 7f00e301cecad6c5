"""The NATS server of the stack, with the users and permissions of nats.conf."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import binaries
from devstack.child import Command
from devstack.server import Server
from devstack.waiting import until

if TYPE_CHECKING:
    from devstack.credentials import Credentials
    from devstack.home import Home

_CONFIGURATION = Path(__file__).parent.parent / "nats.conf"


class Nats(Server):
    """nats-server: one port for clients, one for its monitoring pages."""

    port_count = 2

    def __init__(self, home: Home, credentials: Credentials) -> None:
        """See `Server`."""
        super().__init__("nats", home, credentials)

    @property
    def url(self) -> str:
        """Where clients connect, without a user."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Where `/varz`, `/connz` and `/healthz` are served."""
        return f"http://127.0.0.1:{self.ports[1]}"

    def command(self) -> Command:
        """Add to nats.conf what it leaves open: addresses and passwords."""
        passwords = {f"NATS_{user.upper()}_PASSWORD": value for user, value in self.credentials.nats.items()}
        port, monitor = self.ports
        return Command(
            argv=(
                str(binaries.nats_server()),
                *("-c", str(_CONFIGURATION)),
                *("-a", "127.0.0.1", "-p", str(port), "-m", str(monitor)),
                *("--ports_file_dir", str(self.data)),
            ),
            env={"PATH": os.defpath, **passwords},
            orphan_signal=signal.SIGTERM,
        )

    async def spawn(self) -> None:
        """Clear away what a killed server has left, or it would look ready too soon if it got the same number."""
        for stale in self.data.glob("*.ports"):
            stale.unlink()
        await super().spawn()

    async def serving(self) -> None:
        """Wait for the file that the server writes once it listens; its name proves whose it is."""
        ports_file = self.data / f"nats-server_{self.child.pid}.ports"
        await until(ports_file.exists)

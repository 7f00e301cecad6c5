"""A NATS server that a test may kill, freeze, restart and configure as it likes."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.processes.child import end_with_launcher
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport

PROGRAM = shutil.which("nats-server", path=str(Path(sys.executable).parent))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class NatsServer:
    """One nats-server on loopback, always on the same port."""

    def __init__(self, folder: Path, configuration: str = "") -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.configuration = folder / f"nats-{self.port}.conf"
        self.log = folder / f"nats-{self.port}.log"
        self.configuration.write_text(configuration)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert PROGRAM, "nats-server is not in the environment: run `make install`"
        command = [
            PROGRAM,
            "-a",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-c",
            str(self.configuration),
            "-l",
            str(self.log),
        ]
        end_with_us = end_with_launcher(signal.SIGKILL)
        self._process = await asyncio.create_subprocess_exec(*command, preexec_fn=end_with_us)
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert self._process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return

    def write(self, configuration: str) -> None:
        """Write another configuration, for the next start."""
        self.configuration.write_text(configuration)

    def configure(self, configuration: str) -> None:
        """Write another configuration, and have the server read it."""
        self.write(configuration)
        self.signal(signal.SIGHUP)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        await self._process.wait()
        self._process = None

    async def stop(self) -> None:
        if self._process is not None:
            await self.kill()

    def serves(self, transport: NatsTransport) -> bool:
        """Whether the transport is connected to this one."""
        url = transport.connection.connected_url
        return url is not None and url.port == self.port

    def settings(self, **changes: object) -> NatsSettings:
        return NatsSettings.model_validate({"nats_url": self.url, **changes})

    async def connect(self, name: str = "test", **changes: object) -> NatsTransport:
        return await NatsTransport.connect(self.settings(**changes), name)


ServerFactory = Callable[..., NatsServer]
OneOfTwo = tuple[NatsTransport, NatsServer, NatsServer]
"""A connection that knows two servers, the one that it is to, and the other."""

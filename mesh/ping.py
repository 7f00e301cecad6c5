"""`python -m mesh.ping NAME`: does the service answer on NATS? The health check of what listens nowhere else."""

import asyncio
import sys

from mesh.errors import MeshError
from mesh.process import StartError, read_settings
from mesh.settings import NatsSettings
from mesh.transport import NatsTransport

_TIMEOUT = 2.0


async def ping(name: str) -> None:
    """Ask any instance of the service, as the service's own NATS user. Raises MeshError where none answers."""
    transport = await NatsTransport.connect(read_settings(NatsSettings), name)
    try:
        await transport.request(f"$SRV.PING.{name}", b"", {}, _TIMEOUT)
    finally:
        await transport.close()


if __name__ == "__main__":
    try:
        asyncio.run(ping(sys.argv[1]))
    except (MeshError, StartError) as error:
        sys.exit(str(error))

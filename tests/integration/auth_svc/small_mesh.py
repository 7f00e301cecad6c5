"""Auth workers on a mesh within this process, and somebody who asks them."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from auth_svc.app import build
from auth_svc.settings import AuthSettings
from mesh.client.client import Client
from mesh.core.context import Context, working_on
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import RemoteFault
from mesh.transport.base import NO_HEADERS
from mesh.transport.memory import MemoryBroker, MemoryTransport

Documents = Callable[[str], Awaitable[list[dict[str, Any]]]]
"""What a collection holds."""


class Mesh:
    """A mesh of auth workers alone, and a caller."""

    def __init__(self, resources: AsyncExitStack) -> None:
        self._broker = MemoryBroker()
        self._resources = resources
        self._caller = MemoryTransport(self._broker, "test")
        self._client = Client(self._caller)

    async def start(self, settings: AuthSettings) -> None:
        """Start a worker."""
        service = await build(settings, MemoryTransport(self._broker, "auth"), self._resources)
        await service.start()
        self._resources.push_async_callback(service.drain)

    def connect(self, name: str) -> MemoryTransport:
        """A connection for somebody else."""
        return MemoryTransport(self._broker, name)

    async def call(
        self,
        endpoint: Endpoint[Req, Rep],
        request: Req,
        access_token: str | None = None,
        address: str | None = None,
    ) -> Rep:
        """Call as the user whom the token speaks for, from that address."""
        authorization = f"Bearer {access_token}" if access_token else None
        with working_on(Context("r1", float("inf"), authorization=authorization, client_address=address)):
            return await self._client.call(endpoint, request)

    async def refused(
        self,
        endpoint: Endpoint[Req, Rep],
        request: Req,
        access_token: str | None = None,
        address: str | None = None,
    ) -> RemoteFault:
        """The error that the call gets."""
        try:
            reply = await self.call(endpoint, request, access_token, address)
        except RemoteFault as fault:
            return fault
        raise AssertionError(reply)

    async def send(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS
    ) -> tuple[Mapping[str, str], bytes]:
        """Send bytes that no contract was asked about; the answer's headers and body."""
        answer = await self._caller.request(subject, payload, headers, timeout=5)
        return answer.headers, answer.payload

"""Finds instances with other contracts than the gateway's: one may not understand the other."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from mesh.client.contracts import Compared, compared
from mesh.client.discover import ask_all
from mesh.core.endpoint import Endpoint
from mesh.core.errors import CallError
from mesh.core.version import package_version
from mesh.transport.base import Transport
from mesh.wire.discovery import InstanceDocument

_TIMEOUT = 0.5
_GOOD_FOR = 1.0


class Differing(BaseModel):
    """An instance with other contracts than the gateway's."""

    service: str
    instance: str
    contract_version: str
    subjects: tuple[str, ...]
    """The subjects whose request or reply differs."""


class ContractReport(BaseModel):
    """Who has other contracts than this gateway."""

    contract_version: str
    """The gateway's."""
    compared: int
    """How many instances told their contracts."""
    differs: tuple[Differing, ...]


class InstanceContracts:
    """Asks every instance for its contracts (ADR-32's INFO), at most once a second however many ask.

    Each service replies to an inbox of its own, so that none can answer for another.
    """

    def __init__(self, transport: Transport, endpoints: Sequence[Endpoint[Any, Any]]) -> None:
        self._transport = transport
        self._endpoints = endpoints
        self._services = sorted({endpoint.service for endpoint in endpoints})
        self._asking = asyncio.Lock()
        self._known: list[Compared] = []
        self._known_until = float("-inf")

    async def report(self) -> ContractReport:
        """The current state; nobody is compared without a connection to NATS."""
        async with self._asking:
            now = asyncio.get_running_loop().time
            if now() >= self._known_until:
                answers = await asyncio.gather(*(self._info(service) for service in self._services))
                self._known = [one for documents in answers for one in compared(documents, self._endpoints)]
                self._known_until = now() + _GOOD_FOR
            return _report(self._known)

    async def _info(self, service: str) -> list[InstanceDocument]:
        try:
            documents = await ask_all(self._transport, f"INFO.{service}", _TIMEOUT)
        except CallError:
            return []
        return [document for document in documents if document.name == service]


def _report(known: Iterable[Compared]) -> ContractReport:
    told = [one for one in known if one.known]
    differs = tuple(
        Differing(service=one.service, instance=one.instance, contract_version=one.version, subjects=one.differs)
        for one in told
        if one.differs
    )
    return ContractReport(contract_version=package_version(), compared=len(told), differs=differs)

"""The instances of the service under test, as discovery shows them."""

import json
from dataclasses import dataclass
from typing import Any

from conform.bus import Bus


@dataclass(frozen=True)
class Instance:
    """One document of discovery, as it came."""

    document: dict[str, Any]
    size: int

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.document.get("id"))

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata; empty if it has none."""
        found = self.document.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def ready(self) -> bool:
        """Whether it says that it serves."""
        return bool(self.metadata.get("ready", "true") == "true")

    @property
    def endpoints(self) -> list[dict[str, Any]]:
        """Its endpoints."""
        found = self.document.get("endpoints")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class Instances:
    """Asks for the documents of one service."""

    def __init__(self, bus: Bus, service: str, only: str | None = None) -> None:
        self.bus = bus
        self.service = service
        self._only = only
        self._count = 0

    async def found(self, verb: str = "PING", body: bytes = b"") -> list[Instance]:
        """The document of each instance. The first time it waits for all that there may be."""
        subject = f"$SRV.{verb}.{self.service}" + (f".{self._only}" if self._only else "")
        found = read(await self.bus.gather(subject, body, 0.6, enough=1 if self._only else self._count))
        self._count = max(self._count, len(found))
        return found

    async def at(self, subject: str, enough: int) -> list[Instance]:
        """The documents on another subject of discovery, of this service alone."""
        found = read(await self.bus.gather(subject, within=0.6, enough=enough))
        return [one for one in found if one.document.get("name") == self.service]

    async def served(self, subject: str) -> dict[str, tuple[int, int]]:
        """For each instance, how many requests and errors of the subject it has counted."""
        return {
            one.id: (int(endpoint.get("num_requests", 0)), int(endpoint.get("num_errors", 0)))
            for one in await self.found("STATS")
            for endpoint in one.endpoints
            if endpoint.get("subject") == subject
        }


def read(payloads: list[bytes]) -> list[Instance]:
    """The documents among the payloads: JSON objects."""
    found = []
    for payload in payloads:
        try:
            document = json.loads(payload)
        except ValueError:
            continue
        if isinstance(document, dict):
            found.append(Instance(document, len(payload)))
    return found

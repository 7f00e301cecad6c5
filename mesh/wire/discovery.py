"""The discovery documents on `$SRV`: NATS's service protocol (ADR-32), written and read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field

from mesh.core.contract import whole_hash
from mesh.core.endpoint import Endpoint
from mesh.core.reading import Reader
from mesh.core.terminal import escaped
from mesh.core.version import package_version
from mesh.wire.names import QUEUE_GROUP

log = structlog.get_logger()

VERBS = ("PING", "INFO", "STATS")

MAX_DOCUMENT: Final = 256 * 1024
"""Bytes of one instance's reply."""
MAX_PING: Final = 4 * 1024
"""Bytes of one instance's reply to PING. A gateway receives one from every instance twice a second."""
MAX_DOCUMENTS: Final = 1000
SHARED: Final = "shared"
EXCLUSIVE: Final = "exclusive"
"""The pool of an instance that cannot share its service's state with others."""
LONGEST_REASON: Final = 200
"""Characters of the reason why an instance is not ready. A longer one is cut, both when sent and when read."""
_LONGEST_VERSION: Final = 50

_NO_DATA: Final[Mapping[str, Any]] = {}
_AS_SENT = ConfigDict(frozen=True, extra="allow")
_Name = Annotated[str, Field(max_length=200)]
_Counted = Annotated[int, Field(ge=0, lt=2**63)]


@dataclass
class EndpointStats:
    """Counts of one endpoint since the start; times are in nanoseconds, as ADR-32 requires."""

    requests: int = 0
    errors: int = 0
    last_error: str = ""
    processing_time: int = 0

    def count(self, nanoseconds: int, error: str | None) -> None:
        """Count one answered request."""
        self.requests += 1
        self.processing_time += nanoseconds
        if error is not None:
            self.errors += 1
            self.last_error = error


@dataclass
class EndpointRecord:
    """One endpoint with its statistics, as discovery shows it."""

    endpoint: Endpoint[Any, Any]
    stats: EndpointStats = field(default_factory=EndpointStats)

    def info(self) -> dict[str, Any]:
        """The endpoint's part of an INFO document."""
        return {**self._identity(), "metadata": self.endpoint.metadata()}

    def statistics(self) -> dict[str, Any]:
        """The endpoint's part of a STATS document."""
        stats = self.stats
        return {
            **self._identity(),
            "num_requests": stats.requests,
            "num_errors": stats.errors,
            "last_error": stats.last_error,
            "processing_time": stats.processing_time,
            "average_processing_time": stats.processing_time // stats.requests if stats.requests else 0,
        }

    def _identity(self) -> dict[str, Any]:
        return {"name": self.endpoint.name, "subject": self.endpoint.subject, "queue_group": QUEUE_GROUP}


@dataclass(frozen=True)
class Identity:
    """The service and the instance of this process."""

    name: str
    id: str
    version: str
    description: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def subjects(self, verb: str) -> list[str]:
        """The subjects of a verb: for all services, for this service, for this instance."""
        return [f"$SRV.{verb}", f"$SRV.{verb}.{self.name}", f"$SRV.{verb}.{self.name}.{self.id}"]

    def document(
        self, verb: str, endpoints: list[EndpointRecord], metadata: dict[str, str], data: Mapping[str, Any] = _NO_DATA
    ) -> dict[str, Any]:
        """The reply to PING, INFO or STATS; `data` are the service's own statistics."""
        document: dict[str, Any] = {
            "name": self.name,
            "id": self.id,
            "version": self.version,
            "metadata": metadata,
            "type": f"io.nats.micro.v1.{verb.lower()}_response",
        }
        if verb == "INFO":
            document |= {
                "description": self.description,
                "endpoints": [one.info() for one in endpoints],
                "metadata": {**metadata, **_contract(endpoints)},
            }
        elif verb == "STATS":
            started = self.started.isoformat(timespec="microseconds").replace("+00:00", "Z")
            document |= {"started": started, "endpoints": [one.statistics() for one in endpoints]}
            if data:
                document["data"] = dict(data)
        return document


def _contract(endpoints: list[EndpointRecord]) -> dict[str, str]:
    """Which contracts an instance was built with: the version of the package, and a hash of all its endpoints."""
    hashes = {one.endpoint.subject: one.endpoint.contract_hash() for one in endpoints}
    return {"contract": whole_hash(hashes), "contract_version": package_version()}


class EndpointDocument(BaseModel):
    """One endpoint in an INFO or STATS document; a worker in another language may omit any member."""

    model_config = _AS_SENT

    name: str = ""
    subject: str = ""
    queue_group: str = ""
    metadata: dict[str, str] | None = None
    num_requests: _Counted = 0
    num_errors: _Counted = 0
    last_error: str = ""
    processing_time: _Counted = 0
    average_processing_time: _Counted = 0

    @property
    def contract(self) -> str | None:
        """The hash of its shapes; None if the instance does not tell."""
        return (self.metadata or {}).get("contract")


class InstanceDocument(BaseModel):
    """An instance's reply to PING, INFO or STATS. Unknown members are kept as received."""

    model_config = _AS_SENT

    name: _Name
    id: _Name
    version: _Name
    metadata: dict[str, str] | None = None
    started: str = ""
    endpoints: tuple[EndpointDocument, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the instance accepts requests. A worker that does not say is ready."""
        return (self.metadata or {}).get("ready", "true") == "true"

    @property
    def pool(self) -> str:
        """Whether the instance can share the service's state: `shared` unless it says otherwise."""
        return EXCLUSIVE if (self.metadata or {}).get("pool") == EXCLUSIVE else SHARED

    @property
    def reason(self) -> str:
        """Why the instance is not ready."""
        return self._reason or "no reason given"

    @property
    def reconnects(self) -> str:
        """How often the instance reconnected to NATS. Each time it may have lost requests."""
        return (self.metadata or {}).get("reconnects", "0")

    @property
    def contract_version(self) -> str:
        """The version of the contracts that it was built with; its own version if it does not tell."""
        return escaped((self.metadata or {}).get("contract_version", self.version)[:_LONGEST_VERSION])

    @property
    def limit(self) -> str | None:
        """What a ready instance cannot do; None if it has no limit."""
        return self._reason if self.ready else None

    @property
    def _reason(self) -> str | None:
        reason = (self.metadata or {}).get("reason")
        return None if reason is None else escaped(reason[:LONGEST_REASON])


class Neighbour(BaseModel):
    """An instance that is ready, as a poll names it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: _Name
    pool: _Name = SHARED


class Roster(BaseModel):
    """The body of a poll: the instances of the service that its sender knows as ready."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    instances: tuple[Neighbour, ...] = ()


read_roster = Reader(Roster, MAX_DOCUMENT)
read_document = Reader(InstanceDocument, MAX_DOCUMENT)
read_ping = Reader(InstanceDocument, MAX_PING)

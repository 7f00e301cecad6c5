"""What a row of services.py says of a process of the mesh, and the names that follow from it."""

from dataclasses import dataclass
from typing import Any, Literal

from mesh.core.endpoint import Endpoint
from mesh.core.event import Event

Store = Literal["postgres", "mongo"]
"""The kind of database that a process keeps its data in; also the name of the server."""
ServerName = Literal["nats", "postgres", "mongo"]

_URL = {"postgres": "DATABASE_URL", "mongo": "MONGODB_URL"}


@dataclass(frozen=True)
class Process:
    """One process of the mesh: the gateway, or a worker. All else that is needed to run it is derived."""

    name: str
    """Also its NATS user, its database, the role that owns it, and the first word of its subjects and variables."""
    package: str
    store: Store | None = None
    serves: bool = True
    """Whether it answers the subjects that begin with its name; the gateway serves HTTP instead."""
    calls: tuple[Endpoint[Any, Any], ...] = ()
    """The endpoints of others that it calls."""
    hears: tuple[Event[Any], ...] = ()
    """The events of others that it hears, at most once."""
    handles: tuple[Event[Any], ...] = ()
    """The durable events that it handles, at least once."""
    keys: tuple[str, ...] = ()
    """Variables that hold 32 secret bytes in base64."""
    admin: bool = False
    """Whether it makes the first administrator, from <NAME>_ADMIN_EMAIL and <NAME>_ADMIN_PASSWORD."""
    gives_way: bool = False
    """Whether others get the processor first when cores are busy."""
    seeded: bool = False
    """Whether <NAME>_SEED fills a new database."""

    @property
    def prefix(self) -> str:
        """What its variables begin with."""
        return self.name.upper()

    @property
    def url_variable(self) -> str | None:
        """The variable that names its database; None if it has none."""
        return f"{self.prefix}_{_URL[self.store]}" if self.store else None

    @property
    def target(self) -> str:
        """The target of the Dockerfile from which its image is built."""
        return self.store or ("stateless" if self.serves else "gateway")

    @property
    def store_key(self) -> str | None:
        """Where secrets.json keeps the password of its database; None if it has none."""
        return f"{self.store}_{self.name}" if self.store else None

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """The servers that must serve before it is started."""
        return ("nats", self.store) if self.store else ("nats",)

    @property
    def passwords(self) -> tuple[str, ...]:
        """Variables that hold a password, beside that of the database."""
        return (f"{self.prefix}_ADMIN_PASSWORD",) if self.admin else ()

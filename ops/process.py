"""A row of services.py: one process of the mesh, and the names that follow from it."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from mesh.core.endpoint import Endpoint
from mesh.core.event import Event

Store = Literal["postgres", "mongo"]
"""The kind of database that a process stores its data in; also the server's name."""
TARGETS = (*get_args(Store), "stateless")
"""The targets of the Dockerfile for workers: one for each kind of store, and one without a store."""
ServerName = Literal["nats", "postgres", "mongo"]

_URL = {"postgres": "DATABASE_URL", "mongo": "MONGODB_URL"}


@dataclass(frozen=True)
class Process:
    """One process of the mesh: the gateway or a worker. Everything else about running it is derived."""

    name: str
    """Also the name of its NATS user, its database and role, and the first token of its subjects and variables."""
    package: str
    store: Store | None = None
    serves: bool = True
    """Whether it serves the subjects that start with its name. The gateway serves HTTP instead."""
    calls: tuple[Endpoint[Any, Any], ...] = ()
    """The endpoints of other services that it calls."""
    hears: tuple[Event[Any], ...] = ()
    """The events of other services that it subscribes to, at most once."""
    handles: tuple[Event[Any], ...] = ()
    """The durable events that it handles, at least once."""
    keys: tuple[str, ...] = ()
    """Variables with 32 secret bytes in base64."""
    admin: bool = False
    """Whether it creates the first administrator, from <NAME>_ADMIN_EMAIL and <NAME>_ADMIN_PASSWORD."""
    mails: bool = False
    """Whether it sends mail, over the server <NAME>_SMTP_URL from the address <NAME>_FROM."""
    gives_way: bool = False
    """Whether it runs at low CPU priority, so that others come first when cores are busy."""
    seeded: bool = False
    """Whether <NAME>_SEED fills a new database."""

    @property
    def prefix(self) -> str:
        """The first word of its variables."""
        return self.name.upper()

    @property
    def url_variable(self) -> str | None:
        """The variable with the URL of its database; None if it has none."""
        return f"{self.prefix}_{_URL[self.store]}" if self.store else None

    @property
    def target(self) -> str:
        """The target of the Dockerfile that builds its image."""
        return self.store or ("stateless" if self.serves else "gateway")

    @property
    def store_key(self) -> str | None:
        """The name of its database's password in secrets.json; None if it has none."""
        return f"{self.store}_{self.name}" if self.store else None

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """The servers that must be running before it starts."""
        return ("nats", self.store) if self.store else ("nats",)

    @property
    def passwords(self) -> tuple[str, ...]:
        """Variables with a password, besides that of the database."""
        return (f"{self.prefix}_ADMIN_PASSWORD",) if self.admin else ()

    @property
    def mail_variables(self) -> tuple[str, ...]:
        """The variables with its mail server and its address; empty if it sends no mail."""
        return (f"{self.prefix}_SMTP_URL", f"{self.prefix}_FROM") if self.mails else ()

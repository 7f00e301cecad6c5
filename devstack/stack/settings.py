"""What may differ between two runs of the stack, and where it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from devstack.servers.nats import CONFIGURATION
from mesh.core.settings import AnyPath, Settings

ServiceName = Literal["gateway", "auth", "customers", "products"]


def _external(variable: str) -> AliasChoices:
    """Read a field from an environment variable that the services know by the same name."""
    return AliasChoices(variable.lower(), variable)


def _counts(told: object) -> object:
    try:
        return json.loads(told) if isinstance(told, str) else told
    except ValueError:
        raise ValueError("""takes JSON, such as {"customers": 3}""") from None


class StackSettings(Settings):
    """Arguments win over environment variables (`MESH_HOME`, `MESH_HTTP_PORT`, ...), and these over the defaults.

    A URL that is set means that somebody else runs that server: it is then used as it stands and not started here.
    """

    model_config = SettingsConfigDict(env_prefix="MESH_")

    home: AnyPath = Field(default=Path(".mesh"), description="folder of data, logs and secrets")
    http_host: str = Field(default="127.0.0.1", description="address that the gateway listens on")
    http_port: int = Field(
        default=8080, ge=0, le=65535, description="port that the gateway listens on; 0 takes a free one"
    )
    replicas: Annotated[dict[ServiceName, Annotated[int, Field(ge=1, le=100)]], NoDecode, BeforeValidator(_counts)] = (
        Field(default_factory=dict, description="number of processes of each service, as JSON; 1 where not set")
    )
    share_http_port: bool = Field(
        default=False, description="whether all gateways listen on one port; otherwise each has its own"
    )
    nats_nodes: int = Field(default=1, ge=1, le=9, description="NATS servers; more than one form a cluster")
    nats_configuration: AnyPath = Field(
        default=CONFIGURATION, description="configuration file of nats-server, without TLS"
    )
    auth_niceness: int = Field(
        default=10,
        ge=0,
        le=19,
        description="niceness of auth when cores are busy: 10 gets about a tenth of a core, 0 an equal share",
    )
    tls: bool = Field(
        default=False, description="whether NATS is encrypted, with a CA that is created in the home folder"
    )

    nats_url: str | None = Field(default=None, validation_alias=_external("NATS_URL"))
    customers_database_url: str | None = Field(
        default=None, repr=False, validation_alias=_external("CUSTOMERS_DATABASE_URL")
    )
    products_database_url: str | None = Field(
        default=None, repr=False, validation_alias=_external("PRODUCTS_DATABASE_URL")
    )
    auth_mongodb_url: str | None = Field(default=None, repr=False, validation_alias=_external("AUTH_MONGODB_URL"))

"""The settings of a stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationInfo, create_model, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from devstack.servers.nats import CONFIGURATION
from mesh.core.settings import AnyPath, Settings, word
from services import BY_NAME, PROCESSES


def _external(variable: str) -> AliasChoices:
    """Read a field from an environment variable that the services have by the same name."""
    return AliasChoices(variable.lower(), variable)


def _names(text: object) -> object:
    names = text.split(",") if isinstance(text, str) else text
    return [word(name) for name in names] if isinstance(names, list | tuple) else names


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise ValueError(f"unknown service {', '.join(unknown)}; services are {', '.join(BY_NAME)}")
    return names


_Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_known)]


def _counts(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        raise ValueError("""must be JSON, such as {"gateway": 3}""") from None


if TYPE_CHECKING:
    ServiceName = str
    _Databases = Settings
else:
    ServiceName = Literal[*BY_NAME]
    _Databases = create_model(
        "_Databases",
        __base__=Settings,
        __module__=__name__,
        **{
            row.url_variable.lower(): (
                str | None,
                Field(default=None, repr=False, validation_alias=_external(row.url_variable)),
            )
            for row in PROCESSES
            if row.url_variable
        },
    )
    """A field for each database that may be external: AUTH_MONGODB_URL and others."""


class StackSettings(_Databases):
    """Arguments override environment variables (`MESH_HOME`, `MESH_HTTP_PORT`, …), which override defaults.

    A URL of a server means that it runs elsewhere: it is used as it is, and not started here.
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
    without: _Names = Field(default=(), description="services that run elsewhere, separated by commas")
    only: _Names = Field(default=(), description="the services to run, separated by commas; all where not set")
    nats_port: int | None = Field(
        default=None, ge=1, le=65535, description="port of the first NATS server; otherwise a free one"
    )
    postgres_port: int | None = Field(
        default=None, ge=1, le=65535, description="port of PostgreSQL; otherwise a free one"
    )
    mongo_port: int | None = Field(default=None, ge=1, le=65535, description="port of MongoDB; otherwise a free one")
    keep_ports: bool = Field(default=False, description="whether all processes keep the ports of the last start")
    niceness: int = Field(
        default=10,
        ge=0,
        le=19,
        description="niceness of auth and notifications when cores are busy: 10 gets about a tenth of a core each, "
        "0 an equal share",
    )
    console: bool = Field(default=True, description="whether the console runs, and everything is traced for it")
    tls: bool = Field(
        default=False, description="whether NATS is encrypted, with a CA that is created in the home folder"
    )

    nats_url: str | None = Field(default=None, validation_alias=_external("NATS_URL"))

    @field_validator("only")
    @classmethod
    def _not_both(cls, only: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if only and info.data.get("without"):
            raise ValueError("excludes --without: use one of the two")
        return only

    @property
    def absent(self) -> frozenset[ServiceName]:
        """The services that are not started."""
        return frozenset(self.without) | (frozenset(BY_NAME) - frozenset(self.only) if self.only else frozenset())

    def external_url(self, service: ServiceName) -> str | None:
        """The URL of a service's database if it is external."""
        variable = BY_NAME[service].url_variable
        url: str | None = getattr(self, variable.lower()) if variable else None
        return url

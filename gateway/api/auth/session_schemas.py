"""The shapes of `/v1/auth` and of the key set."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from contracts import auth
from contracts.auth import Attempts, Email, Password, RefreshToken
from contracts.base import Request
from gateway.api.schemas import Shown

_EMAIL = "nancy@northwind.example"
_REFRESH_TOKEN = "jxTkX87qTXqcGy9rGjxdfgAAAANzMAhx9EwWjnyUneLHUOYMLJu4_1MAF8WiZyNOnLTbjg"  # noqa: S105  # an example


class Credentials(Request):
    """An e-mail address and its password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": _EMAIL, "password": "correct horse battery"}]})

    email: Email
    password: Annotated[Password, Field(repr=False)]


class Session(Request):
    """The session of a refresh token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": _REFRESH_TOKEN}]})

    refresh_token: Annotated[RefreshToken, Field(repr=False)]


class User(Shown[auth.User]):
    """A user."""

    user_id: Annotated[str, Field(examples=["68f0c2a91b7e4d5f8a3c6e0168f0c2a9"])]
    email: Annotated[str, Field(examples=[_EMAIL])]
    roles: Annotated[tuple[str, ...], Field(examples=[["USER"]])]
    created_at: datetime
    disabled: bool = False
    email_verified: bool = True


class Tokens(Shown[auth.Tokens]):
    """An access token that is valid for `expires_in` seconds, and a refresh token for the next one."""

    access_token: Annotated[str, Field(repr=False, examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.…"])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a scheme, no token
    expires_in: Annotated[int, Field(examples=[300])]
    refresh_token: Annotated[str, Field(repr=False, examples=[_REFRESH_TOKEN])]


class NewSession(Tokens):
    """A login's result: the tokens, and what is sent in headers only."""

    attempts: Attempts | None = None


class Jwk(Shown[auth.Jwk]):
    """A public Ed25519 key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"
    kid: Annotated[str, Field(examples=["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"])]
    x: Annotated[str, Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])]


class Jwks(Shown[auth.Jwks]):
    """The keys that verify access tokens (RFC 7517)."""

    keys: tuple[Jwk, ...]

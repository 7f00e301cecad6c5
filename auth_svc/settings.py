"""What the auth worker is told by its environment, beyond what every worker is told."""

import base64
import binascii
import os
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretBytes, SecretStr, ValidationInfo, field_validator

from mesh.core.settings import DAY
from mesh.process.settings import WorkerSettings
from providers.mongo.database import MongoUrl

KEY_READ_EVERY = 2.0
"""Seconds after which a replica looks which key signs now."""

CORES = os.cpu_count() or 1
_KEY_LENGTH = 32
_DECADE = round(3650 * DAY)


def _key(text: object) -> bytes:
    try:
        key = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_LENGTH:
        raise ValueError(f"must be {_KEY_LENGTH} bytes in base64, such as `openssl rand -base64 {_KEY_LENGTH}` makes")
    return key


class AuthSettings(WorkerSettings):
    """One process's settings; lifetimes are in seconds."""

    auth_mongodb_url: MongoUrl
    """Its database is used, `auth` where it names none."""
    auth_key_encryption_key: Annotated[SecretBytes, BeforeValidator(_key)]
    """Encrypts the signing keys that are kept in the database: 32 bytes, in base64."""

    auth_admin_email: str | None = None
    auth_admin_password: SecretStr | None = Field(None, validate_default=True)
    """The first administrator, made at a start that finds none."""

    auth_access_token_lifetime: int = Field(300, ge=1, le=_DECADE)
    auth_refresh_token_lifetime: int = Field(14 * 24 * 3600, ge=1, le=_DECADE)
    """A session that is not refreshed for so long ends (RFC 9700, section 4.14.2)."""
    auth_session_lifetime: int = Field(30 * 24 * 3600, ge=1, le=_DECADE)
    """However often it is refreshed, a session ends after so long (OWASP ASVS 5, V7.3.2)."""
    auth_key_lead: int = Field(120, ge=1, le=2 * round(DAY))
    """For how long a new key is published before it signs."""

    auth_login_attempts: int = Field(5, ge=1, le=10)
    """Passwords that may be tried on an account at once; each further one in vain doubles the pause before the next."""
    auth_address_attempts: int = Field(100, ge=1, le=1_000_000)
    """The same, of a client address: many people may share one."""
    auth_longest_pause: int = Field(900, ge=1, le=900)
    """Nobody can keep the owner of an account out for longer."""

    auth_password_min_length: int = Field(15, ge=12, le=128)
    """In code points. NIST SP 800-63B-4, section 3.1.1.2, asks for 15 where a password is the only factor."""

    # The least that OWASP's Password Storage Cheat Sheet asks of argon2id: more makes each login as much slower.
    # docs/reference/security.md has RFC 9106's profile for those who can afford it.
    auth_argon2_memory_kib: int = Field(19_456, ge=128, le=4 * 1024**2)
    auth_argon2_time_cost: int = Field(2, ge=1, le=1_000)
    auth_argon2_parallelism: int = Field(1, ge=1, le=16)

    auth_hashes_at_once: int = Field(max(1, CORES - 1), ge=1, le=CORES)
    """Passwords hashed at once. One core is left to all else: beside a flood of logins, on two cores, others waited 1.9
    times as long (median) with one at once and 2.8 times with two. On a machine of its own auth may have them all."""

    @field_validator("auth_admin_password")
    @classmethod
    def _both_or_neither(cls, password: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (password is None) != (info.data.get("auth_admin_email") is None):
            raise ValueError("set both AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD, or neither")
        return password

    @field_validator("auth_key_lead")
    @classmethod
    def _known_before_it_signs(cls, lead: int, info: ValidationInfo) -> int:
        if lead < info.data.get("token_keys_refetch_after", 0) + KEY_READ_EVERY:
            raise ValueError(f"must be TOKEN_KEYS_REFETCH_AFTER and {KEY_READ_EVERY:g} s more, or tokens are refused")
        return lead

"""Settings of the auth worker."""

import os

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from mesh.core.settings import DAY
from mesh.process.settings import WorkerSettings
from mesh.security.encryption import EncryptionKey
from providers.mongo.database import MongoUrl

KEY_READ_EVERY = 2.0
"""Seconds between two checks of which key signs."""

CORES = os.cpu_count() or 1
_DECADE = round(3650 * DAY)


class AuthSettings(WorkerSettings):
    """A worker's settings, and auth's own. Lifetimes are in seconds."""

    auth_mongodb_url: MongoUrl
    """The MongoDB database of auth. Its name is `auth` if the URL names none."""
    auth_key_encryption_key: EncryptionKey
    """Encrypts the signing keys in the database: 32 bytes, in base64."""

    auth_admin_email: str | None = None
    """E-mail address of the first administrator. Created if none exists at the start; has no effect later."""
    auth_admin_password: SecretStr | None = Field(None, validate_default=True)
    """Password of the first administrator. Set both, or neither."""

    auth_access_token_lifetime: int = Field(300, ge=1, le=_DECADE)
    """Seconds that an access token is valid."""
    auth_refresh_token_lifetime: int = Field(14 * 24 * 3600, ge=1, le=_DECADE)
    """Seconds without a refresh after which a session ends (RFC 9700, section 4.14.2)."""
    auth_session_lifetime: int = Field(30 * 24 * 3600, ge=1, le=_DECADE)
    """Seconds after which a session ends, however often it is refreshed (OWASP ASVS 5, V7.3.2)."""
    auth_key_lead: int = Field(120, ge=1, le=2 * round(DAY))
    """Seconds that a new key is published before it signs."""

    auth_login_attempts: int = Field(5, ge=1, le=10)
    """Password attempts on one account without a pause. Each further failure doubles the next pause."""
    auth_address_attempts: int = Field(100, ge=1, le=1_000_000)
    """Password attempts from one client address without a pause. Many people may share an address."""
    auth_longest_pause: int = Field(900, ge=1, le=900)
    """Seconds of the longest pause: nobody can lock out an account's owner for longer."""

    auth_password_min_length: int = Field(15, ge=12, le=128)
    """Code points of the shortest password.

    NIST SP 800-63B-4, section 3.1.1.2, asks for 15 where a password is the only factor.
    """

    auth_email_verification: bool = False
    """Whether new accounts must verify their e-mail address before they can log in."""

    auth_argon2_memory_kib: int = Field(19_456, ge=128, le=4 * 1024**2)
    """Memory of argon2id, in KiB. The default is OWASP's minimum; docs/reference/security.md has a stronger profile."""
    auth_argon2_time_cost: int = Field(2, ge=1, le=1_000)
    """Iterations of argon2id."""
    auth_argon2_parallelism: int = Field(1, ge=1, le=16)
    """Lanes of argon2id."""

    auth_hashes_at_once: int = Field(max(1, CORES - 1), ge=1, le=CORES)
    """Concurrent password hashes. The default leaves one core to other work.

    On two cores, beside a flood of logins, other requests took 1.9 times as long (median) with one hash at once, and
    2.8 times with two. Where auth has a machine of its own, it may use all cores.
    """

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
            raise ValueError(f"must be at least TOKEN_KEYS_REFETCH_AFTER + {KEY_READ_EVERY:g}, or tokens are refused")
        return lead

"""Settings of the notifications worker."""

import re
from email.headerregistry import Address
from ipaddress import ip_address
from typing import Annotated, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from mesh.core.settings import ExistingFile
from mesh.process.settings import WorkerSettings
from mesh.security.encryption import EncryptionKeys
from providers.mongo.database import MongoUrl

_PORTS = {"smtp": 587, "smtps": 465}


class SmtpServer(NamedTuple):
    """A mail server, and the user to log in as."""

    host: str
    port: int
    tls: bool
    """Whether the connection starts with TLS (smtps) instead of STARTTLS."""
    username: str | None
    password: str | None

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


def smtp_server(url: str) -> SmtpServer:
    """The server of a URL. Raises ValueError, without the URL and its password."""
    parts = _split(url)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be smtp://host:port or smtps://host:port, with user:password@ before the host if needed")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("must have both user and password, or neither")
    return SmtpServer(
        parts.hostname,
        parts.port or _PORTS[parts.scheme],
        parts.scheme == "smtps",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_usable = parts.port != 0
    except ValueError:  # the port is no number
        return None
    return parts if is_usable else None


def _smtp_url(url: SecretStr) -> SecretStr:
    smtp_server(url.get_secret_value())
    return url


def _address(text: str) -> str:
    try:
        Address(addr_spec=text)
    except (ValueError, IndexError):
        text = ""
    if "@" not in text or not text.isascii():
        raise ValueError("must be an e-mail address, such as shop@northwind.example")
    return text


def _page_url(url: str) -> str:
    parts = _split(url)
    local = parts is not None and parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
    secure = parts is not None and parts.scheme == "https" and bool(parts.hostname)
    if not (local or secure) or "#" in url or not re.fullmatch("[!-~]+", url):
        raise ValueError("must be a URL such as https://shop.example/reset-password, without #")
    return url


PageUrl = Annotated[str, AfterValidator(_page_url)]
"""Not http, except on this machine: the page sees the token."""


class NotificationsSettings(WorkerSettings):
    """A worker's settings, its database, and its mail server."""

    notifications_mongodb_url: MongoUrl
    """The MongoDB database of this service. Its name is `notifications` if the URL names none."""
    notifications_webhook_encryption_key: EncryptionKeys
    """Encrypts the secrets of webhooks in the database: 32 bytes, in base64. To replace a key, put the new one before
    it, with a comma between them: the first encrypts, all decrypt."""
    notifications_smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)]
    """The mail server: smtp://user:password@host:587 with STARTTLS, or smtps://user:password@host:465."""
    notifications_from: Annotated[str, AfterValidator(_address)]
    """The sender's address."""
    notifications_password_reset_url: PageUrl | None = None
    """The page of your shop that resets a password. The mail links to it, with `#token=` and the token at the end.
    Without it the mail has the token alone."""
    notifications_email_verification_url: PageUrl | None = None
    """The page of your shop that verifies an e-mail address, in the same way."""
    notifications_smtp_ca: ExistingFile | None = None
    """A PEM file with the CA of the mail server. By default the machine's CAs are trusted."""
    notifications_smtp_plain: bool = False
    """Whether mail may be sent unencrypted to another machine whose server offers no STARTTLS."""
    notifications_smtp_timeout: float = Field(20.0, ge=0.1, le=50)
    """Seconds to wait for each reply of the mail server."""
    notifications_sends_at_once: int = Field(4, ge=1, le=100)
    """Concurrent deliveries. Each may hold a connection to the mail server."""
    notifications_webhook_private: bool = False
    """Whether webhooks may be http:// and have private addresses. Otherwise users could reach your internal network."""

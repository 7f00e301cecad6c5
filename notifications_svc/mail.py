"""Sends mail over SMTP, on reused connections."""

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.contentmanager import raw_data_manager
from email.message import EmailMessage
from email.policy import compat32
from email.utils import format_datetime
from typing import Final

import structlog
from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from notifications_svc.channel import Away, Later, Undeliverable
from notifications_svc.messages import Templates, subject
from notifications_svc.repository import Due
from notifications_svc.settings import NotificationsSettings, SmtpServer, smtp_server

log = structlog.get_logger()

_ADDRESS: Final = re.compile(r"""[^\s\x00-\x20\x7f<>()\[\]\\,;:"@]+@[^\s\x00-\x20\x7f<>()\[\]\\,;:"@]+""")
"""Excludes characters that could start another header or address. Auth accepts no address with a quoted part."""
_PERMANENT: Final = 500
_CLOSING: Final = 421
_MOST_IDLE: Final = 4
"""The most idle connections that are kept for later mails."""
_FAILURES: Final = (SMTPException, OSError, TimeoutError)
"""The errors of a connection. OSError includes those of TLS."""


Complete = Callable[[Due], Awaitable[Due]]
"""The notification with all values of its template. Raises Later, Undeliverable."""


async def _unchanged(due: Due) -> Due:
    return due


class Mailer:
    """Sends notifications as mail. Close it at the end."""

    def __init__(self, settings: NotificationsSettings, templates: Templates, complete: Complete = _unchanged) -> None:
        """`complete` adds the values that are not stored. Raises OSError, ValueError if the CA cannot be read."""
        self._server = smtp_server(settings.notifications_smtp_url.get_secret_value())
        self._from = settings.notifications_from
        self._templates = templates
        self._complete = complete
        ca = settings.notifications_smtp_ca
        tls = ssl.create_default_context(cafile=str(ca) if ca else None)
        self._connect = _connector(self._server, tls, settings)
        self._idle: list[SMTP] = []

    async def send(self, due: Due, address: str) -> None:
        """Send a notification to an e-mail address. Raises Later, Away, Undeliverable."""
        message = self.compose(await self._complete(due), address)
        async with self._connection() as connection:
            try:
                await connection.send_message(message, sender=self._from, recipients=[address])
            except _FAILURES as error:
                raise failure(error) from None

    def compose(self, due: Due, address: str) -> EmailMessage:
        """The mail. Raises Undeliverable for an invalid address."""
        # Its headers are plain text: the default policy parses each of them several times, for 1 ms of CPU.
        message = EmailMessage(compat32)
        message["To"] = _checked(address)
        texts = self._templates.render(due.kind, due.values)
        message["From"] = f"Northwind Traders <{self._from}>"
        message["Subject"] = subject(due.kind, due.values.get("order_id"))
        message["Date"] = format_datetime(due.created_at)
        # The same at each attempt: a receiver can tell that a mail is a repetition.
        message["Message-ID"] = f"<{due.notification_id}@{self._from.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers it automatically
        message.set_content(texts.plain, content_manager=raw_data_manager)
        message.add_alternative(texts.html, subtype="html", content_manager=raw_data_manager)
        return message

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
        """A connection for one mail. It is reused unless the context raises. Raises Away."""
        connection = await self._reused() or await self._opened()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    async def _reused(self) -> SMTP | None:
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.rset()
            except _FAILURES:  # the server closes idle connections
                connection.close()
            else:
                return connection
        return None

    async def _opened(self) -> SMTP:
        connection = self._connect()
        try:
            await connection.connect()
        except _FAILURES as error:
            connection.close()
            raise Away(f"the mail server {self._server.host}:{self._server.port}: {said(error)}") from None
        except BaseException:
            connection.close()
            raise
        return connection


def _checked(address: str) -> str:
    """The address, fit for a header. Raises Undeliverable."""
    if not _ADDRESS.fullmatch(address):
        raise Undeliverable("the e-mail address is invalid")
    return address


def failure(error: Exception) -> Exception:
    """The exception of a channel for an error of SMTP."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, SMTPNotSupported):  # an address in Unicode, and a server that knows only ASCII
        return Undeliverable(said(error))
    if isinstance(error, SMTPResponseException):
        if isinstance(error, SMTPSenderRefused) or error.code == _CLOSING:  # it would refuse every mail
            return Away(said(error))
        return Undeliverable(said(error)) if error.code >= _PERMANENT else Later(said(error))
    return Later(said(error))


def said(error: Exception) -> str:
    """The error in one line of at most 500 printable characters."""
    code = f"{error.code} " if isinstance(error, SMTPResponseException) else ""
    text = error.message if isinstance(error, SMTPException) else str(error)
    line = " ".join(f"{code}{text}".split())
    return "".join(c if c.isprintable() else "?" for c in line)[:500] or type(error).__name__


def _connector(server: SmtpServer, tls: ssl.SSLContext, settings: NotificationsSettings) -> Callable[[], SMTP]:
    """Makes connections. STARTTLS is required, so that nobody can strip it, unless the settings permit plain text."""
    plain = server.is_local or settings.notifications_smtp_plain
    start_tls = None if plain else True

    def connect() -> SMTP:
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            timeout=settings.notifications_smtp_timeout,
            use_tls=server.tls,
            start_tls=False if server.tls else start_tls,
            tls_context=tls,
        )

    return connect

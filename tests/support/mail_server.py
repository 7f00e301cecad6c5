"""A real SMTP server that tests control: it keeps mails, refuses, wants TLS or a login, and goes away."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTPUTF8
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class MailServer:
    """`async with MailServer() as server` listens on a free port of this machine."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # those of aiosmtpd
        """`options` are aiosmtpd's; `tls` and `starttls` are contexts for TLS at once, and by STARTTLS."""
        self._tls: ssl.SSLContext | None = options.pop("tls", None)
        self._options = {"tls_context": options.pop("starttls", None), **options}
        self._server: asyncio.Server | None = None
        self._connections: set[SMTP] = set()
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.connected = 0
        """How many connections there were."""
        self.refusal: Callable[[str], str | None] = lambda _: None
        """The reply to `RCPT TO` with this address; None accepts it."""
        self.sender_refusal: str | None = None

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close all connections, and listen no longer."""
        if self._server is not None:
            self._server.close()
            for connection in self._connections:
                if connection.transport is not None:
                    with suppress(OSError):
                        connection.transport.close()
            self._server = None

    def _session(self) -> SMTP:
        self.connected += 1
        options = {**self._options, "loop": asyncio.get_running_loop()}
        connection = SMTP(self, enable_SMTPUTF8=True, ident="test", **options)
        self._connections.add(connection)
        return connection

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Reply to `MAIL FROM`."""
        if self.sender_refusal is not None:
            return self.sender_refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Reply to `RCPT TO`."""
        if (refused := self.refusal(address)) is not None:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = BytesParser(policy=SMTPUTF8).parsebytes(content)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


def only(username: str, password: str) -> Callable[..., AuthResult]:
    """An authenticator that accepts one user."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        accepted = data == LoginPassword(username.encode(), password.encode())
        return AuthResult(success=accepted, handled=False)

    return check

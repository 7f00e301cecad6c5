"""A mail server for a stack: it accepts every mail, sends none on, and keeps the last ones in the home."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP

from ops.mailbox import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

    from aiosmtpd.smtp import Envelope, Session

_LARGEST = 1024 * 1024
_MOST_RECIPIENTS = 100
_IDLE = 60.0


class MailSink:
    """Listens on a free port of this machine. It runs in the process of `mesh up`."""

    def __init__(self) -> None:
        self._mailbox: Mailbox | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.BaseTransport] = set()
        self._writing = asyncio.Lock()

    @property
    def url(self) -> str | None:
        """Where services send their mail; None if it does not run."""
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}" if self._server else None

    async def start(self, home: Path) -> None:
        """Listen, and keep the mails in this home."""
        self._mailbox = Mailbox(home)
        self._server = await asyncio.get_running_loop().create_server(self._session, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in [*self._connections]:
            connection.close()

    def _session(self) -> SMTP:
        return _Session(self, self._connections)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        """Accept a recipient."""
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        """Keep the mail."""
        content, mailbox = envelope.content, self._mailbox
        if not isinstance(content, bytes) or mailbox is None:
            return "451 not now"
        async with self._writing:
            try:
                number = await asyncio.to_thread(mailbox.keep, envelope.rcpt_tos, content)
            except OSError as error:
                return f"451 cannot be stored: {error.strerror}"
        return f"250 OK, kept as {number}"


class _Session(SMTP):
    """One connection, which its sink can close."""

    def __init__(self, sink: MailSink, connections: set[asyncio.BaseTransport]) -> None:
        super().__init__(
            sink,
            data_size_limit=_LARGEST,
            enable_SMTPUTF8=True,
            hostname="mail.localhost",
            ident="Northwind's mail sink",
            timeout=_IDLE,
            loop=asyncio.get_running_loop(),
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a session."""
        self._connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End the session."""
        if self.transport is not None:
            self._connections.discard(self.transport)
        super().connection_lost(error)

"""nats-py's client, with the traps closed that only its inside can close, and made lean where messages pass.

What this relies on inside the library, tests/integration/mesh/test_nats_py.py pins.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Final

import nats.errors
import structlog
from nats.aio.client import PING_PROTO, Srv
from nats.aio.client import Client as NatsClient
from nats.aio.subscription import Subscription

from mesh.nats.parser import Parser
from mesh.nats.socket import Link
from mesh.transport.base import NO_HEADERS, Deliver, Message
from mesh.wire import headers

log = structlog.get_logger()

REFUSED: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')
"""What the server says of a subject that is not allowed, in small letters."""
_BREAK = re.compile(r"[\t\r\n]")


class Connection(NatsClient):
    """A connection to NATS whose flush is a barrier, whose TLS is real, and which can be dropped at once.

    The library connects, logs in, keeps the list of servers and reconnects. What passes once it is connected is ours:
    a message is delivered as it comes, and written, without a task, a queue or a timer of its own, and nothing is kept
    to be sent on the next connection.
    """

    def __init__(self, on_malformed: Callable[[bytes], None]) -> None:
        """`on_malformed` is told the subject of a message whose headers or subjects cannot be read."""
        super().__init__()
        self._on_malformed = on_malformed
        self.link = Link()
        self._deliver: dict[bytes, Deliver] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether what is sent now may arrive."""
        return self._status == NatsClient.CONNECTED and self.link.alive

    @property
    def reading(self) -> bool:
        """Whether somebody reads what the server sends."""
        return self._reading_task is not None and not self._reading_task.done()

    def send(self, command: bytes) -> None:
        """Send a command of the protocol. Raises OSError."""
        if self._status != NatsClient.CONNECTED:
            raise ConnectionResetError("not connected to NATS")
        self.link.write(command)

    async def _send_command(self, cmd: bytes, priority: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # the library's
        """Send what the library would queue; drop it without a connection: the next one announces all interests."""
        if self.connected:
            self.link.write(cmd)

    async def _flush_pending(self, force_flush: bool = False) -> None:  # noqa: FBT001, FBT002  # the library's
        """Nothing is ever pending."""

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        """Send PING in its turn; the library would count it as pending, and close() write to a socket that is gone."""
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(PING_PROTO)

    async def flush(self, timeout: int = 10) -> None:
        """Return when the server has processed all that was sent before. Raises nats.errors.Error, OSError.

        Where nobody reads the answer, the library would pass over it.
        """
        if not self.connected or not self.reading:
            raise nats.errors.ConnectionReconnectingError
        await super().flush(timeout)

    async def _read_loop(self) -> None:
        """Have messages delivered as they come, and handle everything else here, in order."""
        link, lines = self.link, asyncio.Queue[bytes | Exception]()
        parser = Parser(self._on_message, lines.put_nowait)

        def receive(data: bytes) -> None:
            try:
                parser.feed(data)
            except ValueError as error:
                link.ignore()
                lines.put_nowait(error)

        link.hand_on(receive, lambda: lines.put_nowait(nats.errors.UnexpectedEOF()))
        try:
            while True:
                await self._on_line(await lines.get())
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody would read on
            await self._error_cb(error)
            await self._process_op_err(error)
        finally:
            link.ignore()

    async def _on_line(self, line: bytes | Exception) -> None:
        if isinstance(line, Exception):
            raise line
        match line.partition(b" "):
            case b"PONG", _, _:
                await self._process_pong()
            case b"PING", _, _:
                await self._process_ping()
            case b"-ERR", _, error:
                await self._process_err(error.decode(errors="replace").lower())
            case b"INFO", _, info:
                await self._process_info(json.loads(info))
            case b"+OK", _, _:
                pass
            case _:
                raise nats.errors.ProtocolError

    async def _process_pong(self) -> None:
        """Pass over a flush that was given up: the library would fail, and read no more."""
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
        else:
            await super()._process_pong()

    def _on_message(self, sid: bytes, subject: bytes, reply: bytes, head: bytes, payload: bytes) -> None:
        """Deliver a message, or tell of one that cannot be read: whoever may publish could end our reading with it."""
        deliver = self._deliver.get(sid)
        if deliver is None:
            return
        try:
            message = Message(subject.decode(), payload, headers.decode(head) if head else NO_HEADERS, reply.decode())
        except ValueError as error:
            log.warning("nats_message_malformed", error=str(error))
            self._on_malformed(subject)
            return
        try:
            deliver(message)
        except Exception:  # whatever it is, the next message is not to suffer
            log.exception("delivery_failed", subject=message.subject)

    async def drop(self) -> None:
        """Leave this server at once, and look for the next, even if nobody reads from it any more."""
        self.link.abort()
        await self._process_op_err(nats.errors.StaleConnectionError())

    async def _attempt_reconnect(self) -> None:
        """Leave nothing of the old link: what it has not sent, it shall not send, and not be waited for either."""
        self.link.abort()
        await super()._attempt_reconnect()

    async def _connect_to_server(self, s: Srv) -> None:
        """Connect on a new link, and end what an attempt that failed halfway has left: the library does not."""
        self.link.abort()
        self._end_tasks()
        self._transport = self.link = Link()
        await super()._connect_to_server(s)

    def _end_tasks(self) -> None:
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()

    async def _process_connect_init(self) -> None:
        """Log in. Raises nats.errors.Error where the server does not confirm it: the library would be content.

        Under TLS 1.3 a server that wants another certificate of ours says so only when for us the handshake is over and
        the login sent (RFC 8446, section 2): it hangs up.
        """
        try:
            await super()._process_connect_init()
        except ConnectionError as error:
            raise self._not_let_in() from error
        if self._status != NatsClient.CONNECTED:
            self._end_tasks()
            raise self._not_let_in()

    def _not_let_in(self) -> nats.errors.Error:
        wanted = "; it wants a certificate that it trusts: NATS_TLS_CERT" if self._server_info.get("tls_verify") else ""
        return nats.errors.Error(f"NATS hung up instead of confirming the login{wanted}")

    def _connect_command(self) -> bytes:
        """Refuse to send a password in the clear where `tls://` was asked for: the library would."""
        if self._current_server and self._current_server.uri.scheme == "tls" and not self.link.encrypted:
            raise nats.errors.Error("tls:// was asked for, but the server offers no TLS: credentials not sent")
        return super()._connect_command()

    async def subscribe_confirmed(self, subject: str, queue: str, deliver: Deliver, timeout: float) -> Subscription:
        """Subscribe, and leave where that is not confirmed, or not waited for: a second attempt would make it two.

        A refusal comes before the confirmation. Without a connection, the interest is announced with the next one.
        """
        self._deliver[b"%d" % (self._sid + 1)] = deliver  # the next id: a message may come before this returns
        subscription = await self.subscribe(subject, queue)
        if self.connected:
            try:
                await self.flush(timeout)  # type: ignore[arg-type]  # annotated int, used as a float
            except BaseException:
                self.leave(subscription)
                raise
        return subscription

    def leave(self, subscription: Subscription) -> asyncio.Task[None]:
        """End the interest, even if whoever asked is cancelled; what was routed here until then still comes."""
        leaving = asyncio.create_task(self._leave(subscription))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return leaving

    async def _leave(self, subscription: Subscription) -> None:
        try:
            await subscription.drain()  # type: ignore[no-untyped-call]  # not annotated there
        except (nats.errors.Error, OSError) as error:
            # Without a connection nothing more can come; after a reconnect the interest must not be announced again.
            log.warning("nats_drain_incomplete", subject=subscription.subject, error=str(error))
            self._remove_sub(subscription._id)  # noqa: SLF001  # there is no public way

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._deliver.pop(b"%d" % sid, None)
        super()._remove_sub(sid, max_msgs)

    def fail_flushes(self) -> None:
        """Fail every flush that waits: its answer cannot come."""
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(nats.errors.ConnectionReconnectingError())
                pong.exception()  # a ping that nobody waits for is no error that nobody retrieved
        self._pongs = []


def publication(subject: str, payload: bytes, head: bytes, reply: str) -> bytes:
    """The command that publishes a message. Raises BadSubjectError: a space or a break would add to the command."""
    size = len(head) + len(payload)
    line = f"HPUB {subject} {reply} {len(head)} {size}" if head else f"PUB {subject} {reply} {size}"
    spaces = 4 if head else 3
    if not subject or line.count(" ") != spaces or (not line.isprintable() and _BREAK.search(line)):
        raise nats.errors.BadSubjectError
    return b"%b\r\n%b%b\r\n" % (line.encode(), head, payload)


class Interest:
    """A subscription whose drain outlives a lost connection and whoever waits for it."""

    def __init__(self, client: Connection, subscription: Subscription) -> None:
        self._client = client
        self._subscription = subscription

    async def drain(self) -> None:
        """See mesh.transport.base.Subscription."""
        await asyncio.shield(self._client.leave(self._subscription))

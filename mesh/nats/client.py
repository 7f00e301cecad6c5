"""Extends nats-py's client: closes its traps that only its internals can close, and speeds up the message path.

tests/integration/mesh/test_nats_py.py pins the internals that this module relies on.
"""

import asyncio
import json
import re
from collections.abc import Callable, Container
from typing import Final

import nats.errors
import structlog
from nats.aio.client import PING_PROTO, Srv
from nats.aio.client import Client as NatsClient
from nats.aio.subscription import Subscription

from mesh.nats.parser import Parser
from mesh.nats.socket import NatsSocket
from mesh.transport.base import NO_HEADERS, Deliver, Message
from mesh.wire import headers

log = structlog.get_logger()

REFUSED: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')
"""Matches the server's error for a forbidden subject. nats-py converts it to lower case."""
_BREAK = re.compile(r"[\t\r\n]")


class NatsConnection(NatsClient):
    """A connection to NATS whose flush is a barrier, whose TLS is enforced, and which can be dropped at once.

    The library connects, logs in, keeps the list of servers and reconnects. This class moves the messages: it delivers
    and writes each one without a task, a queue or a timer of its own, and keeps nothing for the next connection.
    """

    def __init__(self, on_malformed: Callable[[bytes], None]) -> None:
        """`on_malformed` gets the subject of each message whose headers or subjects cannot be read."""
        super().__init__()
        self._on_malformed = on_malformed
        self.socket = NatsSocket()
        self._deliver: dict[bytes, Deliver] = {}
        self._draining_tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether a message sent now may arrive."""
        return self._status == NatsClient.CONNECTED and self.socket.alive

    @property
    def subscription_count(self) -> int:
        """The subscriptions that the next connection would announce."""
        return len(self._subs)

    @property
    def reading(self) -> bool:
        """Whether the read loop runs."""
        return self._reading_task is not None and not self._reading_task.done()

    def send(self, command: bytes) -> None:
        """Send one protocol command. Raises OSError."""
        if self._status != NatsClient.CONNECTED:
            raise ConnectionResetError("not connected to NATS")
        self.socket.write(command)

    async def _send_command(self, cmd: bytes, priority: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # the library's
        """Send at once; drop it if disconnected: a new connection announces all subscriptions."""
        if self.connected:
            self.socket.write(cmd)

    async def _flush_pending(self, force_flush: bool = False) -> None:  # noqa: FBT001, FBT002  # the library's
        """Do nothing: nothing is ever pending."""

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        """Send PING in order. The library would count it as pending, and close() would write to a lost socket."""
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(PING_PROTO)

    async def flush(self, timeout: int = 10) -> None:
        """Return when the server has processed everything sent before. Raises nats.errors.Error, OSError.

        Raises at once if the read loop has ended; the library would wait for an answer that nobody reads.
        """
        if not self.connected or not self.reading:
            raise nats.errors.ConnectionReconnectingError
        await super().flush(timeout)

    async def _read_loop(self) -> None:
        """Deliver messages as they arrive, and handle every other line here, in order."""
        socket, lines = self.socket, asyncio.Queue[bytes | Exception]()
        parser = Parser(self._on_message, lines.put_nowait)

        def receive(data: bytes) -> None:
            try:
                parser.feed(data)
            except ValueError as error:
                socket.stop_delivery()
                lines.put_nowait(error)

        socket.deliver_to(receive, lambda: lines.put_nowait(nats.errors.UnexpectedEOF()))
        try:
            while True:
                await self._on_line(await lines.get())
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody would read on
            await self._error_cb(error)
            await self._process_op_err(error)
        finally:
            socket.stop_delivery()

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
        """Skip an abandoned flush: the library would raise, and stop reading."""
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
        else:
            await super()._process_pong()

    def _on_message(self, sid: bytes, subject: bytes, reply: bytes, head: bytes, payload: bytes) -> None:
        """Deliver a message. Log a malformed one: any publisher can send it, so it must not end the read loop."""
        deliver = self._deliver.get(sid)
        if deliver is None:
            return
        try:
            message = Message(subject.decode(), payload, headers.decode(head) if head else NO_HEADERS, reply.decode())
        except ValueError as error:
            log.warning("nats_message_malformed", error=str(error))
            stored = headers.of_stored(head)
            if not (reply.isascii() and subject.isascii() and (reply or stored)):
                self._on_malformed(subject)
                return
            # A worker answers that it cannot read the headers; a consumer settles the message, or it comes for ever.
            # Who reads a stream needs the message's place, or nothing behind it is found.
            message = Message(subject.decode(), payload, {headers.UNREADABLE: str(error), **stored}, reply.decode())
        try:
            deliver(message)
        except Exception:  # one failed delivery must not affect the next message
            log.exception("delivery_failed", subject=message.subject)

    async def drop(self) -> None:
        """Leave this server at once and connect to the next, even if the read loop has ended."""
        self.socket.abort()
        await self._process_op_err(nats.errors.StaleConnectionError())

    async def _attempt_reconnect(self) -> None:
        """Discard the old socket with its unsent bytes, and do not wait for it."""
        self.socket.abort()
        await super()._attempt_reconnect()

    async def _connect_to_server(self, s: Srv) -> None:
        """Connect on a new socket, and end the tasks of a half-failed attempt: the library does not."""
        self.socket.abort()
        self._end_tasks()
        self._transport = self.socket = NatsSocket()
        await super()._connect_to_server(s)

    def _end_tasks(self) -> None:
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()

    async def _process_connect_init(self) -> None:
        """Log in. Raises nats.errors.Error if the server does not confirm the login, which the library accepts.

        Under TLS 1.3 a server rejects a client certificate only after the client has finished the handshake and sent
        its login (RFC 8446, section 2): it hangs up.
        """
        try:
            await super()._process_connect_init()
        except ConnectionError as error:
            raise self._not_let_in() from error
        if self._status != NatsClient.CONNECTED:
            self._end_tasks()
            raise self._not_let_in()

    def _not_let_in(self) -> nats.errors.Error:
        wanted = "; it requires a client certificate: set NATS_TLS_CERT" if self._server_info.get("tls_verify") else ""
        return nats.errors.Error(f"NATS closed the connection instead of confirming the login{wanted}")

    def _connect_command(self) -> bytes:
        """Refuse to send credentials in the clear if the URL says `tls://`: the library would send them."""
        if self._current_server and self._current_server.uri.scheme == "tls" and not self.socket.encrypted:
            raise nats.errors.Error("NATS_URL says tls://, but the server offers no TLS: credentials were not sent")
        return super()._connect_command()

    async def subscribe_confirmed(self, subject: str, queue: str, deliver: Deliver, timeout: float) -> Subscription:
        """Subscribe and wait for the server's confirmation. Unsubscribe on failure: a retry would subscribe twice.

        A refusal arrives before the confirmation. If disconnected, the next connection announces the subscription.
        """
        self._deliver[b"%d" % (self._sid + 1)] = deliver  # the next id: a message may arrive before this returns
        subscription = await self.subscribe(subject, queue)
        if self.connected:
            try:
                await self.flush(timeout)  # type: ignore[arg-type]  # annotated int, used as a float
            except BaseException:
                self.drain_subscription(subscription)
                raise
        return subscription

    def drain_subscription(self, subscription: Subscription) -> asyncio.Task[None]:
        """Unsubscribe in a background task that outlives its caller; messages routed here before still arrive."""
        draining = asyncio.create_task(self._drain_quietly(subscription))
        self._draining_tasks.add(draining)
        draining.add_done_callback(self._draining_tasks.discard)
        return draining

    async def _drain_quietly(self, subscription: Subscription) -> None:
        try:
            await subscription.drain()  # type: ignore[no-untyped-call]  # not annotated there
        except (nats.errors.Error, OSError) as error:
            # If disconnected, nothing more can arrive. A reconnect must not announce the subscription again.
            log.warning("nats_drain_incomplete", subject=subscription.subject, error=str(error))
            self._remove_sub(subscription._id)  # noqa: SLF001  # there is no public way

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._deliver.pop(b"%d" % sid, None)
        super()._remove_sub(sid, max_msgs)

    def fail_flushes(self) -> None:
        """Fail every waiting flush: its answer cannot arrive."""
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(nats.errors.ConnectionReconnectingError())
                pong.exception()  # a ping that nobody waits for must not warn of an unretrieved error
        self._pongs = []


def publish_command(subject: str, payload: bytes, head: bytes, reply: str) -> bytes:
    """The PUB or HPUB command. Raises BadSubjectError for a space or a line break, which would extend the command."""
    size = len(head) + len(payload)
    line = f"HPUB {subject} {reply} {len(head)} {size}" if head else f"PUB {subject} {reply} {size}"
    spaces = 4 if head else 3
    if not subject or line.count(" ") != spaces or (not line.isprintable() and _BREAK.search(line)):
        raise nats.errors.BadSubjectError
    return b"%b\r\n%b%b\r\n" % (line.encode(), head, payload)


class NatsSubscription:
    """A subscription whose drain survives a lost connection and a cancelled caller."""

    def __init__(self, client: NatsConnection, subscription: Subscription, refused: Container[str]) -> None:
        """`refused`: the subjects, in lower case, that NATS has refused since they were subscribed."""
        self._client = client
        self._subscription = subscription
        self._refused = refused

    @property
    def refused(self) -> bool:
        """See mesh.transport.base.Subscription."""
        return self._subscription.subject.lower() in self._refused

    async def drain(self) -> None:
        """See mesh.transport.base.Subscription."""
        await asyncio.shield(self._client.drain_subscription(self._subscription))

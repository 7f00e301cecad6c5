"""Implements the transport of mesh/transport/base.py on NATS."""

import asyncio
import random
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Self

import nats.errors
import structlog

from mesh.core.errors import DeadlineExceeded, Disconnected, NoResponder, Refused
from mesh.nats.client import REFUSED, NatsConnection, NatsSubscription, publish_command
from mesh.nats.settings import NatsSettings
from mesh.transport.base import NO_HEADERS, Deliver, Message, Resend, Subscription, check_size
from mesh.transport.pending_replies import PendingReplies
from mesh.wire.headers import encode, is_no_responders
from mesh.wire.problem import is_overloaded

log = structlog.get_logger()

_RECONNECT_WAIT = 0.25
_CONNECT_TIMEOUT = 2
_RECONNECT_WITHIN = 1.0
_PROBE_EVERY = 1.0
_PROBE_TIMEOUT = 2.5
_CLOSE_TIMEOUT = 5.0
_WRITE_TIMEOUT = 10.0
_AGAIN = "again-"


class NatsTransport:
    """The transport on one NATS server or a cluster."""

    def __init__(self, settings: NatsSettings, name: str) -> None:
        self.closed = asyncio.Event()
        self.reconnects = 0
        self._settings = settings
        self._name = name
        self._client = NatsConnection(self._on_malformed)
        self._inbox_prefix = f"_INBOX_{name}"
        self._inbox = f"{self.inbox()}."
        self._inbox_bytes = self._inbox.encode()
        self._pending = PendingReplies()
        self._resends = count()
        self._refused: dict[str, int] = {}  # refusals of each subject, in lower case, since it was subscribed
        self._last_error = "no answer"
        self._health_monitor: asyncio.Task[None] | None = None
        self._closing = False
        self._lost_at: float | None = None

    @classmethod
    async def connect(cls, settings: NatsSettings, name: str) -> Self:
        """Connect as process `name`, whose inboxes are below `_INBOX_<name>`.

        Raises Disconnected, with NATS's own error, if no server accepts us within `nats_connect_timeout` seconds.
        """
        transport = cls(settings, name)
        connecting = asyncio.create_task(transport._connect())
        try:
            async with asyncio.timeout(settings.nats_connect_timeout):
                await asyncio.shield(connecting)
        except BaseException as error:
            why, where = transport._last_error, ", ".join(settings.server_names())
            while not connecting.done():  # the library may swallow a cancellation and keep trying
                connecting.cancel()
                await asyncio.wait({connecting}, timeout=_RECONNECT_WAIT)
            await transport.close()
            if not isinstance(error, TimeoutError | nats.errors.Error | OSError | RuntimeError):
                raise
            raise Disconnected(
                f"cannot connect to NATS at {where} as {settings.identity()} "
                f"within {settings.nats_connect_timeout:g} s: {why}"
            ) from error
        return transport

    async def _connect(self) -> None:
        settings = self._settings
        await self._client.connect(
            # Shuffled once, here: the library shuffles at each reconnect, and may try the lost server first.
            servers=random.sample(servers := settings.servers(), len(servers)),
            dont_randomize=True,
            user=settings.nats_user,
            password=settings.nats_password.get_secret_value() if settings.nats_password else None,
            nkeys_seed_str=settings.seed(),
            tls=settings.tls(),
            name=self._name,
            connect_timeout=_CONNECT_TIMEOUT,
            reconnect_time_wait=_RECONNECT_WAIT,  # type: ignore[arg-type]  # annotated int, used as a float
            max_reconnect_attempts=-1,  # the default gives up, and closes for good, after 60
            pending_size=0,  # buffer nothing while disconnected: a buffered request would run after its caller has gone
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )
        await self.subscribe(f"{self._inbox}*", self._on_reply)
        self._health_monitor = asyncio.create_task(self._monitor_health(), name="nats-health-monitor")

    @property
    def connection(self) -> NatsConnection:
        """The connection below, for diagnostics and for tests that break it. Everything else uses this class."""
        return self._client

    @property
    def last_error(self) -> str:
        """What NATS or the connection to it reported last, or "no answer"."""
        return self._last_error

    @property
    def pending_requests(self) -> int:
        """Requests that wait for their replies."""
        return len(self._pending.by_token)

    @property
    def connected(self) -> bool:
        """Whether a request would leave this process now."""
        return self._client.connected

    @property
    def reconnecting(self) -> bool:
        """See Transport.reconnecting."""
        if self._client.connected or self._client.is_closed:
            return False
        # The library reports the loss only after its clean-up. Until then, the loss counts as just now.
        return self._lost_at is None or asyncio.get_running_loop().time() < self._lost_at + _RECONNECT_WITHIN

    async def request(
        self,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str],
        timeout: float,
        resend: Resend | None = None,
    ) -> Message:
        """See Transport.request. A timeout is up to one tick late."""
        head = self._head(payload, headers)
        token, pending = self._pending.add(subject, timeout, resend)
        if resend is not None:
            pending.send_again = partial(self._send_again, subject, payload, head, token)
        try:
            self._send(publish_command(subject, payload, head, self._inbox + token), subject)
            if self._client.socket.full:
                await self._written(subject, timeout)
            message = await pending.future
        except TimeoutError:
            raise DeadlineExceeded.here(subject) from None
        finally:
            self._pending.remove(token)
            del pending  # its error's traceback holds this frame: a cycle
        if is_no_responders(message.payload, message.headers):
            raise NoResponder(f"no worker serves {subject}")
        return message

    def _send_again(self, subject: str, payload: bytes, head: bytes, token: str) -> None:
        # Each retry has its own reply subject: the server rejects a second reply of the same worker on one subject.
        inbox = f"{self._inbox}{_AGAIN}{next(self._resends)}-{token}"
        with suppress(OSError):  # a lost connection fails the pending reply anyway
            self._client.send(publish_command(subject, payload, head, inbox))

    def _on_reply(self, message: Message) -> None:
        # "No responders" or "overloaded" in reply to a retry says nothing about the first worker, which may yet answer.
        repeated = message.subject.startswith(_AGAIN, len(self._inbox))
        if not (repeated and (is_no_responders(message.payload, message.headers) or is_overloaded(message.headers))):
            self._pending.resolve(message)

    def _on_malformed(self, subject: bytes) -> None:
        """Fail the call that waits for this malformed reply: it would wait until its deadline."""
        if subject.startswith(self._inbox_bytes):
            self._pending.fail(subject.decode(errors="replace"), "has headers that cannot be read")

    def inbox(self) -> str:
        """See Transport.inbox."""
        return f"{self._inbox_prefix}.{secrets.token_hex(11)}"

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        """See Transport.publish."""
        self._send(publish_command(subject, payload, self._head(payload, headers), reply), subject)
        if self._client.socket.full:
            try:
                await self._written(subject, _WRITE_TIMEOUT)
            except TimeoutError:
                raise Disconnected(f"NATS does not read, so {subject} may not have been sent", sent=True) from None

    def _head(self, payload: bytes, headers: Mapping[str, str]) -> bytes:
        """The encoded headers. Raises TooLarge for a message over the limit."""
        head = encode(headers)
        check_size(len(head) + len(payload), self._client.max_payload)
        return head

    def _send(self, command: bytes, subject: str) -> None:
        try:
            self._client.send(command)
        except OSError as error:
            raise Disconnected(f"not connected to NATS: {subject} was not sent") from error

    async def _written(self, subject: str, timeout: float) -> None:
        """Wait until the socket accepts more. Raises Disconnected, TimeoutError."""
        async with asyncio.timeout(timeout):
            try:
                await self._client.socket.drain()
            except ConnectionError as error:
                raise Disconnected(f"the connection to NATS was lost while {subject} was sent", sent=True) from error

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        """See Transport.subscribe."""
        before = self._refused.get(name := subject.lower(), 0)
        try:
            subscription = await self._client.subscribe_confirmed(subject, queue, deliver, _CLOSE_TIMEOUT)
        except (nats.errors.Error, OSError) as error:
            raise Disconnected(f"not connected to NATS: not subscribed to {subject}: {error}") from error
        if self._refused.get(name, 0) > before:
            self._client.drain_subscription(subscription)
            raise Refused(f"NATS does not allow {self._settings.nats_user or 'this process'} to subscribe to {subject}")
        self._refused.pop(name, None)
        return NatsSubscription(self._client, subscription, self._refused)

    async def flush(self) -> None:
        """See Transport.flush."""
        try:
            await self._client.flush(_CLOSE_TIMEOUT)  # type: ignore[arg-type]  # annotated int, used as a float
        except (nats.errors.Error, OSError) as error:
            raise Disconnected(f"NATS did not confirm what was sent: {error}", sent=True) from error

    async def close(self) -> None:
        """See Transport.close."""
        self._closing = True
        if self._health_monitor is not None:
            self._health_monitor.cancel()
        self._fail_pending("the connection to NATS is being closed")
        try:
            await self.flush()
        except Disconnected:
            self._client.socket.abort()  # close() would wait for the socket without a bound
        self._client.fail_flushes()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._client.close()
        self.closed.set()

    async def _on_error(self, error: Exception) -> None:
        before, self._last_error = self._last_error, str(error) or type(error).__name__
        if self._health_monitor is None and "authorization violation" in self._last_error.lower():
            raise error  # ends connect(), which would keep trying with the same wrong credentials
        refusal = REFUSED.search(self._last_error.lower())
        if refusal is None:
            if not self._closing and self._last_error != before:  # one line, not one per reconnect attempt
                log.warning("nats_error", error=self._last_error)
            return
        verb, subject = refusal.groups()  # in lower case: nats-py lowers the server's text
        if verb == "publish" or subject not in self._refused:  # one line, not one per retry
            log.error("nats_refused", verb=verb, subject=subject)
        if verb == "subscription":
            self._refused[subject] = self._refused.get(subject, 0) + 1
            return
        # NATS reports a forbidden request here only. Without this it would hang until its timeout.
        for pending in self._pending.by_token.values():
            if pending.subject.lower() == subject:
                pending.fail(Refused(f"NATS does not allow this process to send to {pending.subject}"))

    async def _on_disconnected(self) -> None:
        # Must not raise: that would end reconnecting.
        self._client.fail_flushes()
        self._fail_pending("the connection to NATS was lost while waiting for the reply")
        self._lost_at = asyncio.get_running_loop().time()
        if not self._closing:
            log.warning("nats_disconnected")

    async def _on_reconnected(self) -> None:
        self._lost_at = None
        self.reconnects += 1
        log.info("nats_reconnected", url=self._client.connected_url.netloc if self._client.connected_url else None)

    async def _on_closed(self) -> None:
        self.closed.set()

    def _fail_pending(self, why: str) -> None:
        for pending in self._pending.by_token.values():
            pending.fail(Disconnected(f"{pending.subject}: {why}", sent=True))

    async def _monitor_health(self) -> None:
        """Drop the connection to a server that no longer answers: nats-py's own pings take three times as long."""
        while True:
            await asyncio.sleep(_PROBE_EVERY)
            if self._client.connected and not await self._alive() and self._client.connected:
                log.warning("nats_unresponsive", seconds=_PROBE_TIMEOUT)
                await self._client.drop()

    async def _alive(self) -> bool:
        with suppress(nats.errors.Error, OSError):
            await asyncio.wait_for(self._client.flush(), _PROBE_TIMEOUT)
            return True
        return False

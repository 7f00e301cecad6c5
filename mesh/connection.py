"""nats-py's client, with the traps closed that only its inside can close.

What this relies on inside the library, tests/integration/mesh/test_nats_traps.py pins.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final

import nats.errors
import structlog
from nats.aio.client import PING_PROTO, Srv
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

log = structlog.get_logger()

LOST: Final = (nats.errors.OutboundBufferLimitError, nats.errors.ConnectionClosedError, OSError, RuntimeError)
"""What is raised where the connection is gone; uvloop says RuntimeError of a closed socket that is written to."""
REFUSED: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')
"""What the server says of a subject that is not allowed, in small letters."""


class Connection(NatsClient):
    """A connection to NATS whose flush is a barrier, whose TLS is real, and which can be dropped at once."""

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        """Send PING behind what waits to be written.

        The library writes it past a pending SUB, UNSUB or PUB, so that neither flush() nor drain() is a barrier.
        """
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(PING_PROTO)
        await self._flush_pending()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        """Drop a message that cannot be read: whoever may publish could end the library's reading with it."""
        try:
            await super()._process_msg(sid, subject, reply, data, headers)
        except (ValueError, IndexError) as error:
            log.warning("nats_message_malformed", error=str(error))

    async def _attempt_reconnect(self) -> None:
        """Go on after a RuntimeError: uvloop raises it for a socket that is closed, and reconnecting would end."""
        while True:
            try:
                await super()._attempt_reconnect()
            except RuntimeError as error:
                log.warning("nats_reconnect_failed", error=str(error))
                self._status = NatsClient.RECONNECTING
                await asyncio.sleep(self.options["reconnect_time_wait"])
            else:
                return

    @property
    def reading(self) -> bool:
        """Whether somebody reads what the server sends; flush() passes over it when nobody does."""
        return self._reading_task is not None and not self._reading_task.done()

    async def drop(self) -> None:
        """Leave this server at once, and look for the next, even if nobody reads from it any more."""
        self.abort()
        await self._process_op_err(nats.errors.StaleConnectionError())

    async def _connect_to_server(self, s: Srv) -> None:
        """Close what an attempt that failed halfway has left: the library drops it open."""
        self.abort()
        await super()._connect_to_server(s)

    def _connect_command(self) -> bytes:
        """Refuse to send a password in the clear where `tls://` was asked for: the library would."""
        if self._current_server and self._current_server.uri.scheme == "tls" and not self._encrypted():
            raise nats.errors.Error("tls:// was asked for, but the server offers no TLS: credentials not sent")
        return super()._connect_command()

    def _encrypted(self) -> bool:
        writer = getattr(self._transport, "_io_writer", None)
        return writer is not None and writer.get_extra_info("ssl_object") is not None

    async def subscribe_confirmed(
        self, subject: str, queue: str, take: Callable[[Msg], Awaitable[None]], timeout: float
    ) -> Subscription:
        """Subscribe, and forget it where the server does not confirm it: a second attempt would make it two.

        A refusal comes before the confirmation.
        """
        subscription = await self.subscribe(subject, queue, cb=take)
        try:
            await self.flush(timeout)  # type: ignore[arg-type]  # annotated int, used as a float
        except BaseException:
            self.forget(subscription)
            raise
        return subscription

    async def written(self) -> None:
        """Wait until the flusher has handed on to the socket what is pending now."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._flush_queue is not None:
            await self._flush_queue.put(done)
            await done

    def forget_unsent(self) -> None:
        """Drop commands that were never written, and fail every flush that waits.

        The commands would be sent after a reconnect, and run for callers long gone; the flushes would wait for an
        answer that cannot come.
        """
        self._pending.clear()
        self._pending_data_size = 0
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(nats.errors.ConnectionReconnectingError())
                pong.exception()  # a ping that nobody waits for is no error that nobody retrieved
        self._pongs = []

    def abort(self) -> None:
        """Drop the connection without waiting for its buffer to be written."""
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    def forget(self, subscription: Subscription) -> None:
        """Do not announce the interest again after a reconnect: the library's drain does not come so far."""
        self._remove_sub(subscription._id)  # noqa: SLF001  # there is no public way


class Interest:
    """A subscription whose drain outlives a lost connection."""

    def __init__(self, client: Connection, subscription: Subscription) -> None:
        self._client = client
        self._subscription = subscription

    async def drain(self) -> None:
        """See mesh.bus.Subscription."""
        try:
            await self._subscription.drain()  # type: ignore[no-untyped-call]  # not annotated there
        except nats.errors.Error as error:
            # Without a connection nothing more can come; after a reconnect the interest must not be announced again.
            log.warning("nats_drain_incomplete", subject=self._subscription.subject, error=str(error))
            self._client.forget(self._subscription)

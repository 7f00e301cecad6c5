"""Sends discovery requests and collects the replies (ADR-32)."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from mesh.core.reading import Unreadable
from mesh.transport.base import Message, Transport
from mesh.wire.discovery import MAX_DOCUMENTS, InstanceDocument, read_document, read_ping

log = structlog.get_logger()


def _never(_: Sequence[InstanceDocument]) -> bool:
    return False


async def ask_all(
    transport: Transport, verb: str, within: float = 0.5, enough: Callable[[Sequence[InstanceDocument]], bool] = _never
) -> list[InstanceDocument]:
    """The documents of all instances that reply `within` seconds, sorted by name and id.

    `verb` is PING, INFO or STATS for all services, or names one service: `PING.auth`. The call returns early once the
    documents are `enough`. An invalid reply is ignored. Raises Disconnected, Refused.
    """
    read = read_ping if verb.startswith("PING") else read_document
    documents: list[InstanceDocument] = []
    done = asyncio.Event()

    def on_reply(message: Message) -> None:
        if not message.payload or len(documents) >= MAX_DOCUMENTS:
            return  # "no responders" has no payload
        try:
            documents.append(read(message.payload))
        except Unreadable as error:
            log.warning("discovery_reply_unreadable", verb=verb, error=str(error))
            return
        if enough(documents):
            done.set()

    inbox = transport.inbox()
    replies = await transport.subscribe(inbox, on_reply)
    try:
        await transport.publish(f"$SRV.{verb}", b"", reply=inbox)
        with suppress(TimeoutError):  # the protocol does not say how many replies to expect
            await asyncio.wait_for(done.wait(), within)
    finally:
        await replies.drain()
    return sorted(documents, key=lambda document: (document.name, document.id))

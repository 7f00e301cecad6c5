"""How to ask services what they tell about themselves (ADR-32)."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from mesh.core.reading import Unreadable
from mesh.transport.base import Message, Transport
from mesh.wire.discovery import MAX_DOCUMENTS, Document, read_document, read_ping

log = structlog.get_logger()


def _never(_: Sequence[Document]) -> bool:
    return False


async def ask_all(
    transport: Transport, verb: str, within: float = 0.5, enough: Callable[[Sequence[Document]], bool] = _never
) -> list[Document]:
    """The documents of every instance that answers within so many seconds, by name and id.

    `verb`: PING, INFO or STATS, which all are asked, or one service alone: `PING.auth`. It ends earlier once those that
    are there are `enough`. An answer that is no such document is passed over. Raises Disconnected, Refused.
    """
    read = read_ping if verb.startswith("PING") else read_document
    documents: list[Document] = []
    done = asyncio.Event()

    def take(message: Message) -> None:
        if not message.payload or len(documents) >= MAX_DOCUMENTS:
            return  # that nobody serves the subject comes without a payload
        try:
            documents.append(read(message.payload))
        except Unreadable as error:
            log.warning("discovery_answer_not_understood", verb=verb, error=str(error))
            return
        if enough(documents):
            done.set()

    inbox = transport.inbox()
    answers = await transport.subscribe(inbox, take)
    try:
        await transport.publish(f"$SRV.{verb}", b"", reply=inbox)
        with suppress(TimeoutError):  # nobody knows how many there are: the protocol has no other end
            await asyncio.wait_for(done.wait(), within)
    finally:
        await answers.drain()
    return sorted(documents, key=lambda document: (document.name, document.id))

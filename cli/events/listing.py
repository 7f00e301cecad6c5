"""`mesh events ls`: streams and consumers with their counts."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import typer

from cli.columns import print_columns
from cli.connection import HomeOption
from cli.events.moments import age
from cli.events.reading import existing, jetstream
from cli.facts import JsonLinesOption
from mesh.events.stored import read
from ops.jetstream import ConsumerInfo, JetStream, StreamInfo
from ops.streams import DEAD_STREAM, DEAD_SUBJECTS, EVENT_STREAM, dead_subject

_OF_STREAMS = ("messages", "MiB", "of MiB", "oldest", "newest")
_OF_CONSUMERS = ("pending", "in work", "redelivered", "behind", "dead")
_MIB = 1024 * 1024


class _Consumer(NamedTuple):
    info: ConsumerInfo
    oldest: datetime | None
    """When the oldest event that is not handled yet was stored."""
    dead: int


def ls(*, as_json: JsonLinesOption = False, home: HomeOption = Path(".mesh")) -> None:
    """List the streams and their consumers, with the numbers of stored, waiting and dead events.

    `pending` counts events not delivered yet. `in work` counts events delivered and not acknowledged yet. `behind` is
    the age of the oldest of both.

    Exit status: 0, or 3 if there are no streams or no mesh is running.
    """
    streams, consumers = asyncio.run(_found(home))
    if as_json:
        for stream in streams:
            typer.echo(json.dumps({"stream": stream.name, **stream.state.model_dump()}))
        for one in consumers:
            typer.echo(json.dumps(_document(one)))
        return
    print_columns(("stream", *_OF_STREAMS), map(_stream_row, streams), to_the_right=_OF_STREAMS)
    typer.echo()
    print_columns(("consumer", *_OF_CONSUMERS), map(_consumer_row, consumers), to_the_right=_OF_CONSUMERS)


async def _found(home: Path) -> tuple[list[StreamInfo], list[_Consumer]]:
    async with jetstream(home) as asked:
        events = await existing(asked, EVENT_STREAM)
        dead = await existing(asked, DEAD_STREAM, DEAD_SUBJECTS)
        consumers = [
            _Consumer(one, await _oldest(asked, one), dead.state.subjects.get(dead_subject(one.name), 0))
            for one in await asked.consumers(EVENT_STREAM)
        ]
        return [events, dead], consumers


async def _oldest(asked: JetStream, consumer: ConsumerInfo) -> datetime | None:
    if not consumer.num_pending + consumer.num_ack_pending:
        return None
    start = consumer.ack_floor.stream_seq + 1
    subjects = consumer.subjects or (">",)
    first = [await read(asked.transport, EVENT_STREAM, start, subject, most=1) for subject in subjects]
    return min((found[0].time for found in first if found), default=None)


def _document(one: _Consumer) -> dict[str, object]:
    oldest = one.oldest.isoformat() if one.oldest else None
    counts = one.info.model_dump(exclude={"name", "config"})
    return {"consumer": one.info.name, "stream": EVENT_STREAM, **counts, "oldest": oldest, "dead": one.dead}


def _stream_row(info: StreamInfo) -> tuple[str, ...]:
    state, most = info.state, info.config.get("max_bytes")
    times = [age(datetime.fromisoformat(text)) if state.messages else "" for text in (state.first_ts, state.last_ts)]
    of = f"{most / _MIB:.0f}" if isinstance(most, int) and most > 0 else "no limit"
    return info.name, str(state.messages), f"{state.bytes / _MIB:.1f}", of, *times


def _consumer_row(one: _Consumer) -> tuple[str, ...]:
    info = one.info
    counts = (info.num_pending, info.num_ack_pending, info.num_redelivered)
    return info.name, *map(str, counts), age(one.oldest) if one.oldest else "", str(one.dead)

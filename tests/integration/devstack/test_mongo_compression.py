"""mongod 6.0.5 gives away memory to whoever sends zlib, before any login (CVE-2025-14847): it takes none here."""

from __future__ import annotations

import asyncio
import struct
import zlib
from typing import Any

import bson
import pytest

from devstack.servers.all import Servers

MESSAGE = 2013
COMPRESSED = 2012
SNAPPY, ZLIB, ZSTD = 1, 2, 3
HELLO: dict[str, Any] = {"hello": 1, "$db": "admin", "compression": ["zlib", "snappy", "zstd"]}


def message(document: dict[str, Any]) -> bytes:
    """The body of an OP_MSG: flags, and a section of kind 0."""
    return struct.pack("<iB", 0, 0) + bson.encode(document)


def framed(operation: int, body: bytes) -> bytes:
    return struct.pack("<iiii", 16 + len(body), 1, 0, operation) + body


def compressed(body: bytes, by: int, claimed: int) -> bytes:
    return framed(COMPRESSED, struct.pack("<iiB", MESSAGE, claimed, by) + zlib.compress(body))


async def answer(port: int, *requests: bytes) -> bytes | None:
    """What the last one is answered with, None where the connection is closed instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        reply = None
        for request in requests:
            writer.write(request)
            size = await reader.readexactly(4)
            reply = await reader.readexactly(struct.unpack("<i", size)[0] - 4)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None
    else:
        return reply
    finally:
        writer.close()


async def test_no_compression_is_offered_to_whoever_asks(servers: Servers) -> None:
    reply = await answer(servers.mongo.port, framed(MESSAGE, message(HELLO)))
    assert reply is not None
    document = bson.decode(reply[12 + 5 :])
    assert (1.0, None) == (document["ok"], document.get("compression"))


@pytest.mark.parametrize("by", [SNAPPY, ZLIB, ZSTD])
@pytest.mark.parametrize("beyond", [0, 1_000])
async def test_a_compressed_message_is_not_answered(servers: Servers, by: int, beyond: int) -> None:
    hello = message({"hello": 1, "$db": "admin"})
    honest_or_not = compressed(hello, by, len(hello) + beyond)
    assert await answer(servers.mongo.port, honest_or_not) is None
    assert await answer(servers.mongo.port, framed(MESSAGE, message(HELLO)), honest_or_not) is None
    assert await answer(servers.mongo.port, framed(MESSAGE, hello)) is not None, "mongod is well"

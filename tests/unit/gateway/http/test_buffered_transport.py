import asyncio
import weakref

from gateway.http.buffered_transport import BufferedTransport


class Wire:
    """A transport that keeps what was done with it."""

    def __init__(self) -> None:
        self.did: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.did.append(data)

    def close(self) -> None:
        self.did.append("close")

    def abort(self) -> None:
        self.did.append("abort")

    def is_closing(self) -> bool:
        return bool({"close", "abort"} & set(self.did))


def buffered_transport() -> tuple[BufferedTransport, Wire]:
    wire = Wire()
    return BufferedTransport(wire), wire


async def test_what_is_written_within_a_turn_is_one_write() -> None:
    transport, wire = buffered_transport()
    for part in (b"head", b"", b"body"):
        transport.write(part)
    assert [] == wire.did
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert [b"headbody", b"next"] == wire.did


async def test_nothing_is_left_behind_at_the_end() -> None:
    transport, wire = buffered_transport()
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert [b"last words", "close"] == wire.did
    assert transport.is_closing()


async def test_after_an_abort_nothing_is_written() -> None:
    transport, wire = buffered_transport()
    transport.write(b"unheard")
    transport.abort()
    await asyncio.sleep(0)
    assert ["abort"] == wire.did


async def test_much_is_not_gathered_without_end() -> None:
    transport, wire = buffered_transport()
    for _ in range(10):
        transport.write(b"x" * 30_000)
    assert [90_000] * 3 == [len(written) for written in wire.did]
    await asyncio.sleep(0)
    assert [90_000] * 3 + [30_000] == [len(written) for written in wire.did]


async def test_what_is_over_leaves_nothing_to_garbage_collection() -> None:
    transport, _ = buffered_transport()
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    over = weakref.ref(transport)
    del transport
    assert over() is None

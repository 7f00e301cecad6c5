"""Requests as a caller in any language sends them, and the problems in their replies."""

from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from mesh.wire.problem import Problem


async def raw(
    caller: MemoryTransport, subject: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Message:
    return await caller.request(subject, body, headers or {}, 10)


def problem(reply: Message) -> Problem:
    return Problem.model_validate_json(reply.payload)

"""Many requests to the gateway at the same time, from a process of its own: `python -m tests.security.http.flood PORT`.

Each line on its input is a list of heads and bodies, as JSON; when all are ready on a connection each they go out at
once, and a line on its output tells what became of them. By hand and not by a client library: what shall be measured
is the gateway, on a machine whose cores it shares with this.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

import uvloop

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_LONGEST = 30.0


class _Question(asyncio.Protocol):
    """Sends one request when it is told to, and takes in its answer."""

    def __init__(self) -> None:
        self.answer = b""
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # uvloop's is no asyncio.Transport by its type
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, _, body = self.answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length and len(body) >= int(length[1]):
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(time.monotonic())

    def outcome(self) -> str:
        """The status, and whether it says when to come again."""
        status = _STATUS.match(self.answer)
        if status is None:
            return "nothing"
        return status[1].decode() + (" later" if b"\r\nretry-after: " in self.answer.lower() else "")


async def ask_all(port: int, requests: list[str]) -> dict[str, Any]:
    """Outcomes by their number, when the first request went out and when the last answer came."""
    loop = asyncio.get_running_loop()
    questions: list[_Question] = []
    for _ in requests:
        _, question = await loop.create_connection(_Question, "127.0.0.1", port)
        questions.append(question)
    began = time.monotonic()
    for question, request in zip(questions, requests, strict=True):
        question.transport.write(request.encode())
    await asyncio.wait([question.ended for question in questions], timeout=_LONGEST)
    outcomes: dict[str, int] = {}
    for question in questions:
        outcome = question.outcome() if question.ended.done() else "hangs"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        question.transport.close()
    ended = max((question.ended.result() for question in questions if question.ended.done()), default=began)
    return {"outcomes": outcomes, "began": began, "ended": ended}


def main() -> None:
    """Until the input ends."""
    for line in sys.stdin:
        told = uvloop.run(ask_all(int(sys.argv[1]), json.loads(line)))
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

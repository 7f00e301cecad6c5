"""How much of a chunked body may go to the parser at a time."""

from typing import Final

_END: Final = b"\r\n\r\n"


def end_of_piece(buffer: bytes, begin: int) -> int:
    """The end of the next piece: a message in chunks can end only after an empty line."""
    end = buffer.find(_END, begin)
    if end >= 0:
        return end + len(_END)
    half = next(size for size in (3, 2, 1, 0) if buffer.endswith(_END[:size]))
    return max(begin, len(buffer) - half)

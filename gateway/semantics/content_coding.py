"""Which coding a client takes (RFC 9110, section 12.5.3), and how a body is compressed."""

import re
import sys
import zlib
from functools import lru_cache
from typing import Final, Protocol

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor
else:
    from backports.zstd import ZstdCompressor

ZSTD: Final = b"zstd"
GZIP: Final = b"gzip"
COPIES: Final = "mesh.copies"
"""In an ASGI message with a whole body: where its compressed copies are kept, by coding."""
_PREFERRED: Final = (ZSTD, GZIP)
"""Ours, the better one first."""
_ELEMENT: Final = re.compile(
    rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?[ \t]*"
)
_OTHERS: Final = b"*"
_IDENTITY: Final = b"identity"
_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 5
_GZIP_FORMAT: Final = 31
"""zlib's number for a gzip header with the largest window. It writes no time: equal bodies have equal bytes."""


class Compressor(Protocol):
    """Compresses a body part by part."""

    def compress(self, data: bytes, /) -> bytes:
        """What is ready after this part."""

    def flush(self) -> bytes:
        """The rest."""


def compressor(coding: bytes) -> Compressor:
    """A new compressor for one of our codings."""
    return ZstdCompressor(level=_ZSTD_LEVEL) if coding == ZSTD else zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)


@lru_cache(maxsize=64)
def chosen(accepted: bytes) -> bytes | None:
    """The best of our codings for this Accept-Encoding; None to send the body as it is.

    A header that cannot be read, or one that takes nothing of ours, gets the body as it is.
    """
    weights: dict[bytes, float] = {}
    for part in accepted.split(b","):
        if not part.strip(b" \t"):
            continue
        element = _ELEMENT.fullmatch(part)
        if element is None:
            return None
        weights.setdefault(element[1].lower().replace(b"x-gzip", GZIP), float(element[2] or 1))
    best = max(_PREFERRED, key=lambda coding: _weight(weights, coding))  # the first of equals
    weight = _weight(weights, best)
    return best if weight > 0 and weight >= weights.get(_IDENTITY, 0) else None


def _weight(weights: dict[bytes, float], coding: bytes) -> float:
    return weights.get(coding, weights.get(_OTHERS, 0))

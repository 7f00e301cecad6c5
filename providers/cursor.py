"""The cursor of a list: where its next page begins. Workers in every language share the form (reference/wire.md)."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from providers.errors import InvalidCursor

_CHECKSUM: Final = 8
"""Bytes. The checksum prevents mistaken use elsewhere. It is no signature: a cursor can be forged."""
_OF_THE_PAGE: Final = {"cursor", "limit", "count"}


@dataclass(frozen=True)
class Page:
    """Which page of which list is asked for."""

    limit: int
    cursor: str | None
    scope: bytes
    """What the cursor is valid for: the list, its filters and its order."""

    @classmethod
    def of(cls, subject: str, request: BaseModel) -> "Page":
        """The page that a request to the subject asks for; it has `limit` and `cursor`, and perhaps `sort`."""
        asked: Any = request
        members = request.model_dump(mode="json", exclude=_OF_THE_PAGE, exclude_unset=True)
        if "sort" in type(request).model_fields:
            members["sort"] = asked.sort
        return cls(asked.limit, asked.cursor, _canonical([subject, members]))


def write(position: Sequence[object], scope: bytes) -> str:
    """The cursor of a position: base64url of a checksum over position and scope, then the position as JSON."""
    body = _canonical(position)
    return _text(_checksum(body, scope) + body)


def read(cursor: str, scope: bytes) -> bytes:
    """The position in a cursor, as JSON. Raises InvalidCursor for another scope, and for what is no cursor."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor("not a cursor") from error
    checksum, body = data[:_CHECKSUM], data[_CHECKSUM:]
    if _text(data) != cursor or checksum != _checksum(body, scope):
        raise InvalidCursor("the cursor belongs to another list, order or filter")
    return body


def _canonical(value: object) -> bytes:
    """RFC 8785, for texts, whole numbers and the like. A decimal is a text."""
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _checksum(body: bytes, scope: bytes) -> bytes:
    return hashlib.sha256(body + b"\n" + scope).digest()[:_CHECKSUM]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

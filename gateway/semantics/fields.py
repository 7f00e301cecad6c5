"""Reads the header fields of a request once, for all middleware that looks at them."""

from collections.abc import Iterable, Mapping
from typing import Final

from starlette.types import Scope

_FIELDS: Final = "gateway.fields"


def fields(scope: Scope) -> Mapping[bytes, bytes]:
    """The fields by name, as the client sent them. Several lines of a name form one list (RFC 9110, section 5.3).

    `scope["headers"]` may have fewer: ConditionalReads hides conditions from the application.
    """
    found: Mapping[bytes, bytes] | None = scope.get(_FIELDS)
    if found is None:
        found = scope[_FIELDS] = _read(scope["headers"])
    return found


def _read(headers: list[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    found = dict(headers)
    return found if len(found) == len(headers) else _joined(headers)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    lines: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        lines.setdefault(name, []).append(value)
    return {name: b", ".join(values) for name, values in lines.items()}

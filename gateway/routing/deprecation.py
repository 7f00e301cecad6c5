"""Declares that a route is deprecated: since when (RFC 9745), and until when it works (RFC 8594)."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

from fastapi import Depends

_HEADERS: Final = {
    "Deprecation": "Since when the operation is deprecated: `@` and seconds since 1970 (RFC 9745).",
    "Sunset": "From when on the operation may be gone (RFC 8594).",
}


@dataclass(frozen=True)
class Deprecation:
    """Of a route. It stands in the place of a dependency, and JsonRoute takes it out: a request costs nothing."""

    since: datetime
    """In UTC."""
    sunset: datetime | None
    guide: str | None

    def __post_init__(self) -> None:
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("a sunset lies before the deprecation (RFC 9745, section 4)")

    async def __call__(self) -> None:
        """Do nothing."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every response of the route."""
        found = {"deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            found["sunset"] = format_datetime(self.sunset, usegmt=True)
        if self.guide is not None:
            found["link"] = f'<{self.guide}>; rel="deprecation"; type="text/html"'
        return [(name.encode(), value.encode("latin-1")) for name, value in found.items()]

    def documented(self) -> dict[str, Any]:
        """OpenAPI's description of the headers."""
        names = ["Deprecation", *(["Sunset"] if self.sunset else [])]
        return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


def deprecated(since: datetime, sunset: datetime | None = None, guide: str | None = None) -> Any:  # noqa: ANN401  # what Depends() returns
    """Declare a route deprecated, as one of its `dependencies`. Both times are in UTC.

    `sunset`: when the route goes. `guide`: the address of a page that says what to use. Raises ValueError if the sunset
    comes first.
    """
    return Depends(Deprecation(since, sunset, guide))

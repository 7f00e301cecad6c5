"""Reads origins of web pages (RFC 6454) from a comma-separated text."""

import re
from typing import Final

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


def origins_in(text: str) -> tuple[str, ...]:
    """The origins, each as a browser writes it. Raises ValueError for anything else, including `*`."""
    origins = tuple(one.strip() for one in text.split(",") if one.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin} is not an origin such as https://app.example: lower case, without a path")
    return origins

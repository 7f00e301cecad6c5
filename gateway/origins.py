"""How the origins of web pages are named (RFC 6454): as a browser writes them."""

import re
from typing import Final

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


def origins_in(text: str) -> tuple[str, ...]:
    """Origins, separated by commas, each as a browser writes it. Raises ValueError for anything else, `*` too."""
    origins = tuple(one.strip() for one in text.split(",") if one.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin} is no origin such as https://app.example, in small letters and without a path")
    return origins

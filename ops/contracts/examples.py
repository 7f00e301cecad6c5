"""Reads the examples of tests/contract/examples, with a value for each placeholder (tests/contract/README.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ID: Final = "0c8e5b7f3f6d4f0e9f7a1d2c3b4a5968"
_KEY: Final = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
_TOKEN: Final = "A" * 43  # nobody takes it for a secret
_NUMBERS: Final = (
    *("{product}", "{discontinued_product}", "{received_product}", "{full_product}", "{reserved_product}"),
    *("{category}", "{priced_category}", "{supplier}"),
    *("{order}", "{cancelled_order}", "{shipped_order}", "{order_number}", "{reserved_order}"),
    *("{shipment}", "{dispatched_shipment}", "{stopped_shipment}", "{cart}", "<row>"),
)


def in_checkout(checkout: Path) -> Path:
    """The folder of the examples. A wheel has it too."""
    return checkout / "tests" / "contract" / "examples"


SAMPLES: Final[Mapping[str, object]] = {
    "<time>": "2026-07-01T00:00:00Z",
    "<id>": _ID,
    "<uuid>": "0b0c4f0e-6f7e-4a55-9d43-5d2b7ad1c0f4",
    "<cursor>": "bmV4dA",
    "<access token>": "eyJhbGciOiJFZERTQSIsImtpZCI6IjEiLCJ0eXAiOiJhdCtqd3QifQ.e30.c2lnbmF0dXJl",
    "<refresh token>": "c29tZS1yYW5kb20tYnl0ZXMtd2hpY2gtbm9ib2R5LWNhbi1ndWVzcy1vci1yZWFkLW91dA",
    "<webhook secret>": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwhJqsyFTc2vU=",
    "<version>": "1.0.0",
    **dict.fromkeys(("{customer}", "{archived_customer}"), "ALFKI"),
    "{free_key}": "ZYXWV",
    "{refresh_token}": "c29tZS1yYW5kb20tYnl0ZXMtd2hpY2gtbm9ib2R5LWNhbi1ndWVzcy1vci1yZWFkLW91dA",
    **dict.fromkeys(("{reset_token}", "{verification_token}"), _TOKEN),
    **dict.fromkeys(_NUMBERS, 1),
    **dict.fromkeys(("{user_id}", "{admin_id}", "{other_user_id}", "{session_id}", "{mailed_token_id}"), _ID),
    **dict.fromkeys(("{user_email}", "{new_email}"), "somebody@northwind.example"),
    **dict.fromkeys(("{user_password}", "{changing_password}"), "correct horse battery staple"),
}
"""A value for each placeholder."""
_MATCHES: Final[Mapping[str, str]] = {
    ".+": _KEY[:16],
    "[A-Za-z0-9_-]{43}": _KEY,
    "[A-Za-z0-9_-]+": _TOKEN,
    "[0-9a-f]{32}": _ID,
    r"[0-9]+\.[0-9]{2}": "263.50",
    "NW[0-9]{11}": "NW00000011078",
    "Speedy Express|United Package|Federal Shipping": "Speedy Express",
    "test-.+@northwind.example": "test-1@northwind.example",
}
"""A text for each pattern of the examples."""


@dataclass(frozen=True)
class EndpointExample:
    """A request and its reply, and the routes over HTTP that send such a request."""

    request: Any
    reply: Any
    routes: tuple[str, ...]
    """Method and path."""
    template: Any = None
    """The request with its placeholders."""
    account: str | None = None
    """On whose behalf it is sent; None if on nobody's."""


@dataclass(frozen=True)
class EventExample:
    """A payload and its headers; an event that is not durable has none."""

    payload: Any
    headers: Mapping[str, str]


def endpoint_example(folder: Path, subject: str) -> EndpointExample:
    """The example of a subject. Raises ValueError if there is none, or if it cannot be read."""
    golden = _read(folder / subject.partition(".")[0] / f"{subject}.json", "request", "reply")
    http = golden.get("http", [])
    routes = (http,) if isinstance(http, str) else tuple(http)
    template = golden["request"]
    return EndpointExample(sampled(template), sampled(golden["reply"]), routes, template, golden.get("as"))


def event_example(folder: Path, subject: str) -> EventExample:
    """The example of an event. Raises ValueError if there is none, or if it cannot be read."""
    golden = _read(folder / "events" / f"{subject}.json", "payload", "headers")
    return EventExample(sampled(golden["payload"]), sampled(golden["headers"]))


def sampled(shown: Any) -> Any:  # noqa: ANN401  # any JSON
    """The same JSON with a value in place of each placeholder. Raises ValueError for an unknown pattern."""
    match shown:
        case {"$each": one}:
            return [sampled(one)]
        case {"$matches": pattern}:
            if pattern not in _MATCHES:
                raise ValueError(f"ops/contracts/examples.py has no text that matches {pattern}")
            return _MATCHES[pattern]
        case dict():
            return {name: sampled(value) for name, value in shown.items()}
        case list():
            return [sampled(value) for value in shown]
        case str() if shown in SAMPLES:
            return SAMPLES[shown]
    return shown


def _read(path: Path, *members: str) -> dict[str, Any]:
    try:
        golden: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    if lacking := [name for name in members if name not in golden]:
        raise ValueError(f"{path} lacks {', '.join(lacking)}")
    return golden

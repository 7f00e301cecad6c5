"""The session that every collection begins with: from the registration to the first order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Step:
    """One request of the session."""

    operation: str
    """Its `operationId`."""
    status: int
    body: Any = None
    query: str = ""
    saved: Mapping[str, str] = field(default_factory=dict)
    """Variables for later steps, and the members of the response that they get."""


_LOGIN: Final = {"email": "{{email}}", "password": "{{password}}"}

SESSION: Final = (
    Step("register", 201, _LOGIN),
    Step("login", 200, _LOGIN, saved={"token": "access_token", "refresh_token": "refresh_token"}),
    Step("get_me", 200),
    Step("list_products", 200, query="limit=5"),
    Step("put_item", 200, {"quantity": 2}),
    Step("get_cart", 200),
    Step("check_out", 202, saved={"order_id": "order_id"}),
    Step("get_order", 200, query="wait=confirmed"),
    Step("get_order_history", 200),
    Step("refresh", 200, {"refresh_token": "{{refresh_token}}"}, saved={"token": "access_token"}),
    Step("revoke_sessions", 204),
)
"""In order: each step needs the ones before it."""

VARIABLES: Final = {
    "gateway": "http://127.0.0.1:8080",
    "password": "a stapler in every stable",
    "token": "",
    "refresh_token": "",
    "product_id": "1",
    "order_id": "10248",
}
"""The values at the start. The e-mail address is new in each run."""

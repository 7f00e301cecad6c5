"""Logs in for schemathesis, which loads this file: as an administrator, as a user, or as nobody.

FUZZ_URL is the gateway. FUZZ_LOGIN is a login as JSON; without it nobody is logged in.
"""

import json
import os

import requests
import schemathesis

_URL = os.environ["FUZZ_URL"]
_LOGIN = os.environ.get("FUZZ_LOGIN")
_WITHIN = 20
_EVERY = 120
"""Seconds. An access token is valid for 300."""


class Session:
    """A session whose tokens are refreshed. If the operations under test end it, the next one begins."""

    def __init__(self) -> None:
        self._refresh_token: str | None = None

    def get(self, _case: schemathesis.Case, _context: schemathesis.AuthContext) -> str:
        """An access token."""
        answer = None
        if self._refresh_token is not None:
            answer = self._ask("refresh", {"refresh_token": self._refresh_token})
        if answer is None or not answer.ok:
            answer = self._ask("login", json.loads(_LOGIN or "{}"))
        answer.raise_for_status()
        tokens = answer.json()
        self._refresh_token = tokens["refresh_token"]
        return str(tokens["access_token"])

    def set(self, case: schemathesis.Case, data: str, _context: schemathesis.AuthContext) -> None:
        """Send it."""
        case.headers["Authorization"] = f"Bearer {data}"

    def _ask(self, verb: str, body: dict[str, str]) -> requests.Response:
        return requests.post(f"{_URL}/v1/auth/{verb}", json=body, timeout=_WITHIN)


def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave out what schemathesis judges wrongly.

    It takes `0` for a text of the pattern of an ETag, which has quotes. And an answer with `fields` has fewer members
    than the schema of the whole resource requires.
    """
    return "0" not in {case.headers.get(name) for name in ("If-Match", "If-None-Match")} and "fields" not in case.query


schemathesis.hook(filter_case)
if _LOGIN:
    schemathesis.auth(refresh_interval=_EVERY)(Session)

"""Access tokens for the load: one that is reused, and thousands that are each new."""

import asyncio
from typing import Any

import httpx2

from devstack.stack.stack import Stack

_SESSIONS = 4  # at once: more would be throttled


class Tokens:
    """Access tokens of the first administrator, renewed before they expire."""

    _RENEWED_AFTER = 120.0  # of the 300 s that one lasts

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._token = ""
        self._since = float("-inf")

    async def headers(self) -> dict[str, str]:
        """The administrator's Authorization header, valid for some minutes more."""
        now = asyncio.get_running_loop().time()
        if now > self._since + self._RENEWED_AFTER:
            async with httpx2.AsyncClient(base_url=self._stack.state.gateway_url) as http:
                self._token, self._since = (await _login(self._stack, http))["access_token"], now
        return {"Authorization": f"Bearer {self._token}"}

    async def customers(self) -> list[str]:
        """The ids of up to 200 customers."""
        async with httpx2.AsyncClient(base_url=self._stack.state.gateway_url) as http:
            answer = await http.get("/v1/customers?limit=200", headers=await self.headers())
        return [customer["customer_id"] for customer in answer.raise_for_status().json()["items"]]

    async def many(self, count: int) -> list[str]:
        """`count` different tokens: a session gives a new one with each refresh."""
        async with httpx2.AsyncClient(base_url=self._stack.state.gateway_url) as http:
            sessions = await asyncio.gather(*(_login(self._stack, http) for _ in range(_SESSIONS)))
            chains = await asyncio.gather(*(_refreshed(http, each, count // _SESSIONS) for each in sessions))
        return [token for tokens in zip(*chains, strict=True) for token in tokens]


async def _login(stack: Stack, http: httpx2.AsyncClient) -> dict[str, Any]:
    admin = {"email": stack.state.admin.email, "password": stack.state.admin.password}
    answer = await http.post("/v1/auth/login", json=admin)
    return dict(answer.raise_for_status().json())


async def _refreshed(http: httpx2.AsyncClient, session: dict[str, Any], count: int) -> list[str]:
    tokens = []
    for _ in range(count):
        answer = await http.post("/v1/auth/refresh", json={"refresh_token": session["refresh_token"]})
        session = answer.raise_for_status().json()
        tokens.append(session["access_token"])
    return tokens

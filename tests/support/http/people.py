"""How somebody gets an account and a session over HTTP."""

import secrets
from typing import Any

import jwt
from httpx2 import AsyncClient


def new_account() -> tuple[str, str]:
    """An e-mail address that nobody is registered with, and a password."""
    return f"test-{secrets.token_hex(8)}@northwind.example", secrets.token_urlsafe(20)


async def register(http: AsyncClient) -> tuple[str, str]:
    """The address and the password of somebody new."""
    email, password = new_account()
    response = await http.post("/v1/auth/register", json={"email": email, "password": password})
    assert 201 == response.status_code, response.text
    return email, password


async def log_in(http: AsyncClient, email: str, password: str) -> dict[str, Any]:
    """The tokens of a new session."""
    response = await http.post("/v1/auth/login", json={"email": email, "password": password})
    assert 200 == response.status_code, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """The header that sends the access token along."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def session_of(tokens: dict[str, Any]) -> str:
    """The id of the session that the tokens belong to."""
    session_id: str = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sid"]
    return session_id

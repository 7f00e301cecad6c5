"""Secrets never come into a log: not by name, not within a text, and not with a bug's traceback."""

import asyncio
import json
import logging
import secrets
from pathlib import Path
from typing import Any

import pytest
import structlog
from httpx2 import AsyncClient, Response
from nkeys import encode_seed
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pymongo import AsyncMongoClient

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.telemetry.logs import REDACTED, configure, redacted
from mesh.telemetry.settings import LogSettings
from services import PROCESSES
from tests.support.http.people import bearer, log_in, new_account, register
from tests.support.http.problems import problem

SECRET = "correct horse battery staple"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"
SEED = encode_seed(b"n" * 32, 20 << 3).decode()


class Login(BaseModel):
    """What somebody might log as a whole."""

    email: str
    password: str = Field(repr=False)


@pytest.mark.parametrize(
    ("told", "safe"),
    [
        ({"password": SECRET}, {"password": REDACTED}),
        ({"new_password": SECRET, "refresh_token": "r" * 40}, {"new_password": REDACTED, "refresh_token": REDACTED}),
        ({"Authorization": f"Bearer {JWT}"}, {"Authorization": REDACTED}),
        ({"request": {"secrets": [SECRET], "city": "Bonn"}}, {"request": {"secrets": REDACTED, "city": "Bonn"}}),
        ({"nkey_seed": SEED}, {"nkey_seed": REDACTED}),
        ({"error": f"refused: Bearer {JWT}"}, {"error": f"refused: Bearer {REDACTED}"}),
        ({"error": [f"of {JWT}"]}, {"error": [f"of {REDACTED}"]}),
        ({"error": f"no such user: {SEED}"}, {"error": f"no such user: {REDACTED}"}),
        ({"url": "nats://ada:lovelace@127.0.0.1:4222"}, {"url": f"nats://{REDACTED}@127.0.0.1:4222"}),
        ({"url": "ada:lovelace@127.0.0.1:4222"}, {"url": f"{REDACTED}@127.0.0.1:4222"}),
        ({"body": Login(email="a@b", password=SECRET)}, {"body": "Login(email='a@b')"}),
        ({"path": "/v1/customers/{customer_id}", "ms": 1.5}, {"path": "/v1/customers/{customer_id}", "ms": 1.5}),
    ],
)
def test_a_secret_is_taken_out_of_what_is_logged(told: dict[str, Any], safe: dict[str, Any]) -> None:
    assert safe == redacted(None, "info", told)


@pytest.mark.parametrize("log_format", ["json", "pretty"])
def test_a_traceback_tells_no_variables_and_nothing_of_what_was_sent(
    log_format: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    configure(LogSettings.model_validate({"log_format": log_format}), "auth")
    try:
        _read(json.dumps([SECRET]))
    except ValidationError:
        structlog.get_logger().exception("handler_failed")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()
    said = capfdbinary.readouterr().err.decode()
    assert SECRET not in said
    assert "ValidationError" in said
    assert "_read" in said


def _read(payload: str) -> list[int]:
    return TypeAdapter(list[int]).validate_json(payload)


async def lines_of(stack: Stack, process: str, request_id: str, event: str) -> list[dict[str, Any]]:
    """The lines by which a process tells of a request; they may be written after the answer has gone."""
    log: Path = stack.state.logs / f"{process}.log"
    while True:
        text = await asyncio.to_thread(log.read_text)
        lines = [json.loads(line) for line in text.splitlines() if request_id in line]
        if found := [line for line in lines if line["event"] == event]:
            return found
        await asyncio.sleep(0.01)


async def test_the_logs_of_a_running_mesh_tell_no_secret(stack: Stack) -> None:
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as http:
        account = await register(http)
        known = {*account[1:], stack.state.admin.password}
        tokens = await log_in(http, *account)
        renewed = (await http.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        known |= {tokens[name] for name in ("access_token", "refresh_token")}
        known |= {renewed[name] for name in ("access_token", "refresh_token")}
        answers = await _refusals(http, account[0], bearer(renewed), known)
        answers.append(await _bug(stack, http, known))
        for answer in answers:
            await lines_of(stack, "gateway", answer.headers["x-request-id"], "request")
    await lines_of(stack, "auth", answers[-1].headers["x-request-id"], "handler_failed")
    credentials = load_credentials(stack.state.home)
    known |= {*credentials.nats.values(), *(credentials.secret(key) for row in PROCESSES for key in row.keys)}
    logs = {log.name: await asyncio.to_thread(log.read_text) for log in stack.state.logs.glob("*.log")}
    assert {"gateway.log", "auth.log"} <= logs.keys()
    assert [] == [name for name, text in logs.items() for secret in known if secret in text]


async def _refusals(http: AsyncClient, email: str, headers: dict[str, str], known: set[str]) -> list[Response]:
    """Answers to requests with a secret in them, each of them refused in another way."""

    def secret() -> str:
        known.add(made := secrets.token_urlsafe(24))
        return made

    login, refresh = "/v1/auth/login", "/v1/auth/refresh"
    change = {"current_password": secret(), "new_password": secret()}
    return [
        await http.post(login, json={"email": email, "password": secret()}),
        await http.post(login, json={"email": email, "password": [secret()]}),
        await http.post(login, json={"email": email, "password": secret(), secret(): secret()}),
        await http.post(login, content=f'{{"email": "{email}", "password": "{secret()}'),
        await http.post(login, json={"email": email, "password": secret() * 20}),
        await http.post(login, json=secret(), headers={"Idempotency-Key": secret()}),
        await http.post("/v1/auth/register", json={"email": email, "password": "short" + secret()[:8]}),
        await http.post(refresh, json={"refresh_token": secret()}),
        await http.post(refresh, json={"refresh_token": f"{secret()} {secret()}"}),
        await http.post("/v1/auth/password", json=change, headers=headers),
        await http.get("/v1/auth/me", headers={"Authorization": f"Bearer {secret()}"}),
        await http.get("/v1/auth/me", headers={"Authorization": f"Basic {secret()}"}),
        await http.get(f"/v1/products?password={secret()}"),
    ]


async def _bug(stack: Stack, http: AsyncClient, known: set[str]) -> Response:
    """The answer to a login that breaks in the midst of the work, with the password in many a variable."""
    email, password = new_account()
    known.add(password)
    await http.post("/v1/auth/register", json={"email": email, "password": password})
    async with AsyncMongoClient[dict[str, Any]](stack.state.databases["auth"]) as mongo:
        users = mongo.get_default_database()["users"]
        changed = await users.update_one({"email": email}, {"$set": {"password_hash": 7}})
        assert 1 == changed.modified_count
        answer = await http.post("/v1/auth/login", json={"email": email, "password": password})
        await users.delete_one({"email": email})
    problem(answer, 502, "internal")
    return answer

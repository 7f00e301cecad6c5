import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from tests.support.contract.givens import free_key
from tests.support.http.people import log_in, register
from tests.support.http.problems import problem


async def logged(stack: Stack, process: str, request_id: str) -> dict[str, Any]:
    """The line by which a process tells of the request; it is written after the answer has gone."""
    log: Path = stack.state.logs / f"{process}.log"
    while True:
        text = await asyncio.to_thread(log.read_text)
        lines = [json.loads(line) for line in text.splitlines() if request_id in line]
        told: list[dict[str, Any]] = [line for line in lines if line["event"] == "request"]
        if told:
            assert [request_id] == [line["request_id"] for line in told]
            return told[0]
        await asyncio.sleep(0.01)


async def test_one_id_stands_in_answer_problem_and_both_logs(
    stack: Stack, http: AsyncClient, user: dict[str, str]
) -> None:
    request_id = f"e2e-{secrets.token_hex(8)}"

    answer = await http.get(f"/v1/customers/{free_key()}", headers={**user, "X-Request-Id": request_id})

    assert request_id == problem(answer, 404, "customer_not_found").request_id
    gateway = await logged(stack, "gateway", request_id)
    worker = await logged(stack, "customers", request_id)
    assert ("gateway", "GET", "/v1/customers/{customer_id}", 404) == tuple(
        gateway[name] for name in ("service", "method", "path", "status")
    )
    assert ("customers", "customers.get", "not_found") == tuple(
        worker[name] for name in ("service", "subject", "outcome")
    )


@pytest.mark.parametrize("unfit", ["two words", "x" * 129, 'a"b', "caf\u00e9"])
async def test_an_id_that_cannot_be_logged_is_replaced(
    stack: Stack, http: AsyncClient, user: dict[str, str], unfit: str
) -> None:
    headers = {name.encode(): value.encode() for name, value in user.items()}
    answer = await http.get("/v1/customers/ALFKI", headers={**headers, b"X-Request-Id": unfit.encode("latin-1")})

    made = answer.headers["x-request-id"]
    assert unfit != made
    assert "ok" == (await logged(stack, "customers", made))["outcome"]


async def test_no_log_tells_a_secret(stack: Stack, http: AsyncClient) -> None:
    email, password = await register(http)
    tokens = await log_in(http, email, password)
    wrong = await http.post("/v1/auth/login", json={"email": email, "password": f"wrong {password}"})
    await logged(stack, "gateway", wrong.headers["x-request-id"])
    await logged(stack, "auth", wrong.headers["x-request-id"])

    logs = "".join(log.read_text() for log in stack.state.logs.glob("*.log"))

    for secret in (password, tokens["access_token"], tokens["refresh_token"], stack.state.admin.password):
        assert secret not in logs

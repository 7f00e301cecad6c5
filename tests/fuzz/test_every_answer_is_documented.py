"""schemathesis sends what the OpenAPI document allows and what it forbids. Every answer is one that the document names.

`make fuzz` installs schemathesis and runs this. FUZZ_CASES is the number of random requests to each operation.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from tests.support.http.people import register

HERE: Final = Path(__file__).parent
WITHIN: Final = 3600
ACCOUNTS: Final = ("register", "login", "refresh", "logout", "change_password", "revoke_session", "revoke_sessions")
"""Operations that end sessions or are limited for each address: tried without a session of their own."""

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis: make fuzz installs it"
    ),
    pytest.mark.timeout(WITHIN),
]


@pytest.mark.parametrize("account", ["administrator", "user", "nobody"])
async def test_every_answer_is_documented(stack: Stack, http: AsyncClient, tmp_path: Path, account: str) -> None:
    login = await logins(stack, http, account)
    left_out = ("follow_events", *(ACCOUNTS if login else ()))  # a stream does not end
    (tmp_path / "openapi.json").write_text((await http.get("/openapi.json")).text)
    done = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
            *("run", str(tmp_path / "openapi.json"), "--url", str(http.base_url).rstrip("/")),
            *("--max-examples", os.environ.get("FUZZ_CASES", "50"), "--continue-on-failure", "--no-shrink"),
            *("--request-timeout", "30"),
            *(option for name in left_out for option in ("--exclude-operation-id", name)),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "hooks",
            "PYTHONPATH": str(HERE),
            "FUZZ_URL": str(http.base_url).rstrip("/"),
            **({"FUZZ_LOGIN": json.dumps(login)} if login else {}),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    print(done.stdout)  # noqa: T201  # how many cases, and which failed
    assert 0 == done.returncode, done.stderr


async def logins(stack: Stack, http: AsyncClient, account: str) -> dict[str, str] | None:
    """The login of the account; None for nobody."""
    if account == "nobody":
        return None
    if account == "administrator":
        return {"email": stack.state.admin.email, "password": stack.state.admin.password}
    email, password = await register(http)
    return {"email": email, "password": password}

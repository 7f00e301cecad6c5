"""The clients that generators make of the OpenAPI document work against a mesh."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.stack.stack import Stack
from tests.support.http.people import new_account
from tests.support.paths import ROOT
from tests.support.polyglot import (
    CLIENTS,
    CLIENTS_PYTHON,
    attempt,
    needs_client_java,
    needs_client_python,
    needs_client_ts,
    run,
)

DOCUMENT = str(ROOT / "docs" / "contracts" / "openapi.json")
Command = tuple[str, ...]


def in_typescript(folder: Path) -> Command:
    """openapi-typescript with openapi-fetch, checked by the compiler."""
    source = CLIENTS / "typescript"
    for name in ("package.json", "tsconfig.json", "session.ts"):
        shutil.copy(source / name, folder)
    tools = source / "node_modules"
    (folder / "node_modules").symlink_to(tools)
    run(folder, str(tools / ".bin" / "openapi-typescript"), DOCUMENT, "--output", "generated/northwind.d.ts")
    run(folder, str(tools / ".bin" / "tsc"))
    return "node", "dist/session.js"


def in_python(folder: Path) -> Command:
    """openapi-python-client, which leaves out the one request that is not JSON, and says so."""
    generator = str(CLIENTS_PYTHON / "openapi-python-client")
    tools = {"PATH": f"{CLIENTS_PYTHON}{os.pathsep}{os.environ['PATH']}"}
    out = ("--output-path", "generated", "--meta", "none")
    done = attempt(folder, generator, "generate", "--path", DOCUMENT, *out, **tools)
    said = done.stdout + done.stderr
    assert 0 == done.returncode, said
    assert ["POST /v1/customers/import"] == re.findall(r"WARNING parsing (\S+ \S+) within", said), said
    shutil.copy(CLIENTS / "python" / "session.py", folder)
    return str(CLIENTS_PYTHON / "python"), "session.py"


def in_java(_: Path) -> Command:
    """openapi-generator, which Maven runs: see pom.xml."""
    built = CLIENTS / "java" / "target"
    return "java", "-cp", f"{built}/classes:{built}/lib/*", "Session"


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(in_typescript, marks=needs_client_ts, id="openapi-typescript"),
        pytest.param(in_python, marks=needs_client_python, id="openapi-python-client"),
        pytest.param(in_java, marks=needs_client_java, id="openapi-generator"),
    ],
)
async def test_a_generated_client_registers_reads_changes_orders_and_meets_problems(
    stack: Stack, tmp_path: Path, client: Callable[[Path], Command]
) -> None:
    email, password = new_account()
    admin = stack.state.admin
    account = {"EMAIL": email, "PASSWORD": password, "ADMIN_EMAIL": admin.email, "ADMIN_PASSWORD": admin.password}

    printed = run(tmp_path, *client(tmp_path), GATEWAY=stack.state.gateway_url, **account)

    assert {
        "email": email,
        "products": 3,
        "before": ["Generated Ltd.", "030-1"],
        "after": ["Generated Ltd.", "Bonn", None, 2],
        "stale": "version_mismatch",
        "order": ["placed", "Chai", 2],
        "missing": [404, "customer_not_found"],
    } == json.loads(printed)

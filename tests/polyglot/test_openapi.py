"""Tools of Node.js take the OpenAPI document and the collection as they are."""

import json

import pytest

from devstack.stack.stack import Stack
from tests.support.paths import ROOT
from tests.support.polyglot import POLYGLOT, attempt, needs_openapi_tools, run

COLLECTION = ROOT / "docs" / "collections" / "northwind.postman_collection.json"


@needs_openapi_tools
def test_the_lint_of_redocly_finds_nothing() -> None:
    document = ROOT / "docs" / "contracts" / "openapi.json"
    done = attempt(POLYGLOT, "redocly", "lint", str(document), "--format", "json", "--config", "redocly.yaml")
    problems = json.loads(done.stdout)["problems"]
    assert [] == [(one["ruleId"], one["message"], one["location"][0]["pointer"]) for one in problems]


@needs_openapi_tools
async def test_the_first_order_of_the_collection_is_green(stack: Stack) -> None:
    gateway = f"gateway={stack.state.gateway_url}"
    run(POLYGLOT, "newman", "run", str(COLLECTION), "--folder", "A first order", "--env-var", gateway, "--bail")


@needs_openapi_tools
@pytest.mark.parametrize("variable", ["password=short", "product_id=0"])
async def test_newman_notices_what_fails(stack: Stack, variable: str) -> None:
    done = attempt(
        *(POLYGLOT, "newman", "run", str(COLLECTION), "--folder", "A first order"),
        *("--env-var", f"gateway={stack.state.gateway_url}", "--env-var", variable),
    )
    assert 1 == done.returncode

"""`mesh new` in a copy of the project: what it writes passes every check, runs, and answers, and nothing is edited."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from httpx2 import AsyncClient

from devstack.home.state import Operator
from devstack.processes.child import end_with_launcher
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.support.checkout import Checkout
from tests.support.long_form import LONG
from tests.support.paths import ROOT
from tests.support.tutorial import LAST_STEP, TUTORIAL, commands, mesh_command, require_shown, script

pytestmark = pytest.mark.timeout(600)  # a whole `make check` on a machine that does much else

_BEFORE, _AFTER = TUTORIAL.read_text().partition(LAST_STEP)[2].split("make up\n```\n")
_DEFINED: Final = ("GATEWAY=", "field()", "LOGIN=")
"""What earlier steps of the tutorial set, and this one uses."""
CHECKS: Final = (
    *(("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",), ("lint-imports",)),
    ("mesh", "contracts", "diff", "released"),
    ("mesh", "contracts", "record", "--check"),
)
_RUNNING: Final = ("gateway", "auth", "customers", "gift_cards")
_ON_A_WHOLE_MESH: Final = (
    *("tests/contract", "tests/e2e/http/test_documentation.py", "tests/e2e/command/test_operator.py"),
    "tests/security/nats/test_permission_matrix.py",
)
NEW: Final = ("gift_cards.get", "gift_cards.count", "customers.count")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy with a service more, an endpoint more in it, and the endpoint of the tutorial."""
    checkout = Checkout(tmp_path_factory.mktemp("copy") / "project")
    checkout.mesh("new", "service", "gift_cards")
    checkout.mesh("new", "endpoint", "gift_cards.count")
    [(command, shown)] = commands(_BEFORE)
    told = checkout.mesh(*command.split()[1:])
    require_shown([(command, shown)], f"== next command ==\n{told}")
    return checkout


@pytest.fixture(scope="module")
async def stack(checkout: Checkout) -> AsyncIterator[dict[str, Any]]:
    """What `mesh up` of the copy says in stack.json."""
    home = checkout.folder.parent / "mesh"
    log = checkout.folder.parent / "up.log"
    with log.open("wb") as output:
        up = await asyncio.create_subprocess_exec(
            *mesh_command(home).split()[1:],
            *("up", "--home", str(home), "--http-port", "0"),
            *(option for name in _RUNNING for option in ("--only", name)),
            cwd=checkout.folder,
            env=checkout.environment,
            stdout=output,
            stderr=output,
            preexec_fn=end_with_launcher(signal.SIGTERM),
        )
    while not (home / "stack.json").exists():
        assert up.returncode is None, log.read_text()
        await asyncio.sleep(0.05)
    yield json.loads((home / "stack.json").read_bytes())
    up.send_signal(signal.SIGTERM)
    assert 0 == await up.wait()


@pytest.mark.parametrize("command", CHECKS, ids=" ".join)
def test_what_is_written_passes_make_check(checkout: Checkout, command: tuple[str, ...]) -> None:
    checkout.program(*command)


def test_the_files_that_follow_are_current(checkout: Checkout) -> None:
    assert "all files are up to date\n" == checkout.mesh("generate", "--check")


def test_its_own_tests_and_those_that_run_over_all_services_pass(checkout: Checkout) -> None:
    told = checkout.run(
        "pytest",
        *("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--import-mode=importlib"),
        *("tests/integration/gift_cards_svc", "tests/unit/gateway/access/test_auth.py"),
        *("tests/unit/deployment", "tests/unit/docs", "tests/unit/test_subjects.py", "tests/unit/worker"),
        *(_ON_A_WHOLE_MESH if LONG else ()),
        *("-k", "gift or count or generate or requirements or no_user_may or golden_file or who_may or access"),
    )
    assert " passed" in told


def test_make_check_is_these_commands() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck: ")[2].partition("\n\n")[0]
    assert [" ".join(command) for command in CHECKS] == re.findall(r"\$\(BIN\)/(.+)", recipe)


async def test_http_answers(stack: dict[str, Any]) -> None:
    async with AsyncClient(base_url=stack["gateway_url"], timeout=30) as http:
        tokens = (await http.post("/v1/auth/login", json=stack["admin"])).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        card = await http.get("/v1/gift-cards/1", headers=bearer)
        unknown = await http.get("/v1/gift-cards/2", headers=bearer)
        count = await http.get("/v1/gift-cards/count", headers=bearer)
        without = await http.get("/v1/gift-cards/1")

    assert (200, {"gift_card_id": 1, "name": "The first", "version": 1}) == (card.status_code, card.json())
    assert '"1"' == card.headers["etag"]
    assert (404, "gift_card_not_found") == (unknown.status_code, unknown.json()["reason"])
    assert {"count": 1} == count.json()
    assert (401, "token_required") == (without.status_code, without.json()["reason"])


async def test_an_operator_asks_over_nats(stack: dict[str, Any]) -> None:
    settings = {"nats_url": stack["nats_url"], **Operator.model_validate(stack["operator"]).settings()}
    operator = await NatsTransport.connect(NatsSettings.model_validate(settings), "operator")
    replies = [await operator.request(subject, b'{"gift_card_id": 1}', {}, 10) for subject in NEW[:1]]
    replies += [await operator.request(subject, b"", {}, 10) for subject in NEW[1:]]
    await operator.close()

    assert [{"gift_card_id": 1, "name": "The first", "version": 1}, {"count": 1}, {"count": 91}] == [
        json.loads(reply.payload) for reply in replies
    ]


async def test_the_last_step_of_the_tutorial_prints_what_it_shows(checkout: Checkout, stack: dict[str, Any]) -> None:
    defined = [one for one in commands(TUTORIAL.read_text()) if one[0].startswith(_DEFINED)]
    run = [*defined, *commands(_AFTER)]
    home = checkout.folder.parent / "mesh"
    places = {
        "http://127.0.0.1:8080": stack["gateway_url"],
        ".mesh/": f"{home}/",
        ".venv/bin/mesh": mesh_command(home),
    }
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", script(run, places)),
        cwd=checkout.folder,
        env=checkout.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await shell.communicate()

    require_shown(run, out.decode())


def test_a_second_service_of_the_name_is_refused_and_changes_nothing(checkout: Checkout) -> None:
    before = checkout.files()
    refused = checkout.attempt("python", "-m", "cli.main", "new", "service", "gift_cards")

    assert (1, "mesh: nothing was written: there is a service gift_cards already\n") == (
        refused.returncode,
        refused.stderr,
    )
    assert before == checkout.files()


def test_a_route_that_another_one_hides_is_refused_and_changes_nothing(checkout: Checkout) -> None:
    before = checkout.files()
    refused = checkout.attempt("python", "-m", "cli.main", "new", "service", "suppliers")

    assert 1 == refused.returncode
    assert "the gateway fails with the new files: RuntimeError: GET /v1/suppliers/{supplier_id}" in refused.stderr
    assert before == checkout.files()


def test_a_dry_run_lists_the_files_and_changes_nothing(checkout: Checkout) -> None:
    before = checkout.files()
    told = checkout.mesh("new", "service", "invoices", "--store", "mongo", "--dry-run")

    assert {"new      invoices_svc/app.py", "changed  services.py", "changed  nats.conf"} <= {*told.splitlines()}
    assert before == checkout.files()

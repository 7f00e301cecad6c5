"""Every worker of the running mesh keeps the pacts of its consumers, and each fits the others."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec

from devstack.stack.stack import Stack
from ops.contracts.pacts.reading import read_pacts
from tests.support.paths import ROOT

MAILED = tuple(f"the kit cannot make {{{word}}}" for word in ("reset_token", "verification_token", "mailed_token_id"))
"""Only a mail has these, so that no replay can. test_golden.py tries their subjects."""
FOLDER = ROOT / "docs" / "contracts" / "consumers"


async def mesh(*arguments: str) -> tuple[int | None, str, str]:
    """The status of a command, and what it prints."""
    command = (sys.executable, "-m", "cli.main", "contracts", *arguments)
    process = await create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_every_worker_keeps_the_pacts_of_its_consumers(stack: Stack) -> None:
    status, out, err = await mesh("verify", "--json", "--home", str(stack.state.home))

    assert out, err
    report = json.loads(out)
    missed = [one["sentence"] for one in report["verdicts"] if one["outcome"] != "kept"]
    assert [] == [one for one in missed if not one.endswith(MAILED)]
    assert (0, sum(len(pact.interactions) for pact in read_pacts(FOLDER))) == (status, report["kept"] + len(missed))


async def test_a_service_of_this_checkout_fits_the_running_mesh(stack: Stack) -> None:
    expected = (0, "yes: orders fits what runs\n", "")
    assert expected == await mesh("can-i-deploy", "orders", "--home", str(stack.state.home))

"""The commands of docs/guides/contracts.md print what it shows, in a copy of the project whose contracts change."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.checkout import Checkout
from tests.support.long_form import LONG
from tests.support.paths import ROOT
from tests.support.tutorial import Command, commands, require_shown

pytestmark = pytest.mark.timeout(600)  # each command imports the whole mesh, on a machine that does much else
GUIDE: Final = (ROOT / "docs" / "guides" / "contracts.md").read_text()
MARK: Final = "== next command ==\n"
PATCH: Final = "    expected_version: Version\n    patch: CustomerPatch\n"
FAX: Final = "    phone: str | None\n    fax: str | None\n    version: Version\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy with one commit."""
    checkout = Checkout(tmp_path_factory.mktemp("copy") / "project")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@northwind.example")
    checkout.git("init", "-q")
    checkout.git("add", "-A")
    checkout.git(*identity, "commit", "-q", "-m", "Start")
    return checkout


def section(heading: str) -> list[Command]:
    """The commands of one section of the guide."""
    [text] = re.findall(rf"^## {heading}\n(.*?)(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)
    return commands(text)


def change(checkout: Checkout, old: str, new: str) -> None:
    """Write the contracts of customers with this change alone."""
    path = Path("contracts") / "customers.py"
    original = (ROOT / path).read_text()
    assert 1 == original.count(old)
    (checkout.folder / path).write_text(original.replace(old, new))


def require_printed(checkout: Checkout, run: list[Command]) -> None:
    """Fail unless each command prints what the guide shows."""
    for command, shown in run:
        arguments = command.removeprefix(".venv/bin/").split()
        assert "mesh" == arguments[0]
        done = checkout.attempt("python", "-m", "cli.main", *arguments[1:])
        require_shown([(command, shown)], f"{MARK}{done.stdout}{done.stderr}")


def test_a_required_field_breaks_and_an_optional_one_does_not(checkout: Checkout) -> None:
    required, optional = section("Change a field")

    change(checkout, PATCH, f"{PATCH}    reason: str\n")
    require_printed(checkout, [required])
    change(checkout, PATCH, f"{PATCH}    reason: str | None = None\n")
    require_printed(checkout, [optional])


@pytest.mark.skipif(not LONG, reason="takes long: make faults")
def test_only_a_major_version_may_break(checkout: Checkout) -> None:
    change(checkout, FAX, FAX.replace("    fax: str | None\n", ""))

    require_printed(checkout, section("Break on purpose"))


def test_the_folder_of_a_release_as_json(checkout: Checkout) -> None:
    folder = checkout.folder / "docs" / "contracts" / "released" / "99.0.0"

    told = json.loads(checkout.mesh("contracts", "release", folder.name, "--json"))

    assert {"written": [str(folder)]} == told
    assert folder.is_dir()

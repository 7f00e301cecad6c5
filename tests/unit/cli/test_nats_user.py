"""`mesh nats user` writes callers.json and the files that follow from it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.application import application
from cli.generate import FILES
from ops.callers import Caller, read_callers, with_caller
from ops.permissions import Permissions, permissions
from services import BY_NAME, PROCESSES
from tests.support.paths import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(application(("nats",)), ["nats", "user", *words, "--folder", str(folder)])


def test_a_user_may_call_its_subjects_and_hear_its_inboxes_alone() -> None:
    caller = Caller(name="reports", calls=("customers.get", "orders.list"))

    assert (
        Permissions(("customers.get", "orders.list"), ["_INBOX_reports.>"])
        == permissions(PROCESSES, callers=[caller])["reports"]
    )


def test_an_added_user_is_in_every_file_and_a_removed_one_in_none(folder: Path) -> None:
    before = {name: (folder / name).read_text() for name in FILES}

    added = run(
        folder, "add", "reports", "--calls", "orders.list", "--calls", "customers.get", "--calls", "orders.list"
    )

    assert 0 == added.exit_code, added.output
    assert [{"name": "reports", "calls": ["orders.list", "customers.get"]}] == json.loads(
        (folder / "callers.json").read_text()
    )
    assert dict.fromkeys(FILES, 1) == {
        name: min(1, (folder / name).read_text().count("NATS_REPORTS_NKEY")) for name in FILES
    }
    assert "REPORTS_MAY: {" in (folder / "nats.conf").read_text()
    assert 0 == run(folder, "remove", "reports").exit_code
    assert before == {name: (folder / name).read_text() for name in FILES}


def test_what_was_added_and_removed_as_json(folder: Path) -> None:
    added = run(folder, "add", "reports", "--calls", "orders.list", "--json")
    removed = run(folder, "remove", "reports", "--json")

    written = {"written": list(FILES)}
    assert {"name": "reports", "calls": ["orders.list"], "inbox_prefix": "_INBOX_reports.", **written} == json.loads(
        added.stdout
    )
    assert written == json.loads(removed.stdout)


@pytest.mark.parametrize(
    ("name", "calls", "why"),
    [
        ("gateway", "customers.get", "there is a NATS user gateway"),
        ("operator", "customers.get", "there is a NATS user operator"),
        ("Reports", "customers.get", "is no name of a user"),
        ("reports.x", "customers.get", "is no name of a user"),
        ("reports", "customers.nothing", "may not call customers.nothing"),
        ("reports", "customers.>", "may not call customers.>"),
        ("reports", "auth.login", "may not call auth.login"),
        ("reports", "products.stock.reserve", "may not call products.stock.reserve"),
        ("reports", "events.orders.placed", "may not call events.orders.placed"),
    ],
)
def test_a_right_that_no_outside_caller_may_have_is_refused(folder: Path, name: str, calls: str, why: str) -> None:
    refused = run(folder, "add", name, "--calls", calls)

    assert 1 == refused.exit_code
    assert why in refused.output
    assert not (folder / "callers.json").exists()


def test_a_user_is_added_once() -> None:
    caller = Caller(name="reports", calls=("customers.get",))

    with pytest.raises(ValueError, match="there is a NATS user reports"):
        with_caller((caller,), caller, BY_NAME)


@pytest.mark.parametrize(
    "text", ["{", "{}", '[{"name":"reports","calls":[]}]', '[{"name":"reports","calls":["auth.login"]}]']
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "callers.json").write_text(text)

    with pytest.raises(ValueError, match=r"callers\.json|may not call"):
        read_callers(tmp_path / "callers.json")

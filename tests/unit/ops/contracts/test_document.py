"""contracts.json and schemas.json: current, the same bytes each time, and readable by `load`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import CONTRACTS, SCHEMAS, Declared, load
from ops.contracts.files import exported
from ops.contracts.tree import Contracts
from services import BY_NAME, WORKERS
from subjects import CUSTOMERS_UPDATE, EVENTS_ORDERS_PLACED
from tests.support.paths import ROOT

FOLDER = ROOT / "docs" / "contracts"
STORED = {f"{row.name}.{'sql' if row.store == 'postgres' else 'json'}" for row in WORKERS if row.store}
"""What each service stores stands beside the export."""


def test_the_committed_export_is_current_and_complete(
    declared: Declared, shown: Illustrated, openapi: dict[str, Any]
) -> None:
    files = exported(declared, shown, openapi)
    assert files.keys() | STORED == {path.name for path in FOLDER.iterdir() if path.is_file()}
    stale = [name for name, text in files.items() if (FOLDER / name).read_bytes() != text.encode()]
    assert [] == stale, "run `make docs`"


def test_load_returns_what_this_checkout_declares(contracts: Contracts) -> None:
    assert contracts == load(FOLDER)


def test_the_tree_has_properties_shapes_and_users_of_each_subject(contracts: Contracts) -> None:
    update = contracts.endpoints["customers.update"]
    assert (CUSTOMERS_UPDATE.contract_hash(), "admin", True) == (update.contract, update.access, update.keyed)
    gone = {"customer_not_found": "not_found", "customer_archived": "not_found"}
    assert {**gone, "version_mismatch": "conflict"} == update.reasons
    assert ("gateway",) == update.callers
    assert ["string", "null"] == update.request["properties"]["patch"]["properties"]["city"]["type"]
    placed = contracts.events["events.orders.placed"]
    assert ("orders", True) == (placed.service, placed.durable)
    assert {name for name, row in BY_NAME.items() if EVENTS_ORDERS_PLACED in row.handles} == set(placed.handlers)
    assert '"$ref"' not in json.dumps([update.request, update.reply, placed.payload])


def broken(change: Callable[[dict[str, Any]], object], name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        document = json.loads((folder / name).read_bytes())
        change(document)
        (folder / name).write_text(json.dumps(document))

    return write


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / SCHEMAS).unlink(), "schemas.json"),
        (lambda folder: (folder / CONTRACTS).write_text("{"), "contracts.json"),
        (lambda folder: (folder / CONTRACTS).write_text("[]"), "contracts.json is not a JSON object"),
        (lambda folder: (folder / CONTRACTS).write_bytes(b"\xff"), "contracts.json"),
        (broken(lambda all_of: all_of["$defs"].pop("Customer"), SCHEMAS), "schemas.json lacks the shape 'Customer'"),
        (broken(lambda all_of: all_of.pop("$defs"), SCHEMAS), "schemas.json has no shapes"),
        (broken(lambda all_of: all_of["$defs"].update(Customer=1), SCHEMAS), "schemas.json has no shapes"),
        (broken(lambda all_of: all_of.pop("version"), CONTRACTS), "contracts.json: version"),
        (
            broken(lambda all_of: all_of["$defs"].update(Customer={"$ref": "#/$defs/Customer"}), SCHEMAS),
            "a shape contains itself",
        ),
    ],
)
def test_files_that_cannot_be_read_are_a_clear_error(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    for name in (CONTRACTS, SCHEMAS):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    spoil(tmp_path)
    with pytest.raises(ValueError, match=re.escape(message)):
        load(tmp_path)


def test_members_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    (tmp_path / SCHEMAS).write_bytes((FOLDER / SCHEMAS).read_bytes())
    document = json.loads((FOLDER / CONTRACTS).read_bytes())
    document["new"] = 1
    document["endpoints"]["customers.get"]["new"] = 1
    (tmp_path / CONTRACTS).write_text(json.dumps(document))
    assert load(FOLDER) == load(tmp_path)

"""The generated types compile, and keep an omitted field apart from null."""

import json
from pathlib import Path

from mesh.core.version import package_version
from tests.support.polyglot import go, needs_go, needs_node, run, typescript


@needs_go
def test_go_writes_an_update_without_what_is_omitted_and_with_null(tmp_path: Path) -> None:
    go("go", tmp_path)
    omitted, changed, empty, read, table = run(tmp_path, "go", "run", ".").splitlines()
    assert {} == json.loads(omitted)
    assert {"company_name": "Alfreds", "fax": None, "city": "Berlin"} == json.loads(changed)
    assert {} == json.loads(empty)
    assert "true false" == read, "null was read, and the other field was not there"
    assert "customers.update 5s true" == table
    assert "" == run(tmp_path, "gofmt", "-l", "contracts")


@needs_node
def test_typescript_refuses_what_the_contract_refuses(tmp_path: Path) -> None:
    typescript("typescript", tmp_path)
    assert f'version = "{package_version()}"' in (tmp_path / "subjects.ts").read_text()

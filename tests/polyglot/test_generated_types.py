"""The generated types compile, and keep an omitted field apart from null."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from mesh.core.version import package_version
from tests.support.command import MESH
from tests.support.paths import ROOT
from tests.support.polyglot import PATH, POLYGLOT, needs_go, needs_node

WITHIN = 300


def run(folder: Path, *command: str) -> str:
    """Run the command there, and return what it prints. A failure shows all that it said."""
    environment = {**os.environ, "PATH": PATH}
    program = shutil.which(command[0], path=PATH)
    assert program
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@needs_go
def test_go_writes_an_update_without_what_is_omitted_and_with_null(tmp_path: Path) -> None:
    shutil.copytree(POLYGLOT / "go", tmp_path, dirs_exist_ok=True)
    run(ROOT, MESH, "contracts", "generate", "go", str(tmp_path / "contracts"))
    omitted, changed, empty, read, table = run(tmp_path, "go", "run", ".").splitlines()
    assert {} == json.loads(omitted)
    assert {"company_name": "Alfreds", "fax": None, "city": "Berlin"} == json.loads(changed)
    assert {} == json.loads(empty)
    assert "true false" == read, "null was read, and the other field was not there"
    assert "customers.update 5s true" == table
    assert "" == run(tmp_path, "gofmt", "-l", "contracts")


@needs_node
def test_typescript_refuses_what_the_contract_refuses(tmp_path: Path) -> None:
    shutil.copytree(POLYGLOT / "typescript", tmp_path, dirs_exist_ok=True)
    run(ROOT, MESH, "contracts", "generate", "typescript", str(tmp_path))
    assert f'version = "{package_version()}"' in (tmp_path / "subjects.ts").read_text()
    run(tmp_path, "tsc", "--project", "tsconfig.json")

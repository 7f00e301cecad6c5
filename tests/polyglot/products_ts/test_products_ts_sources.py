"""The sources of the products worker in TypeScript: the vectors, the generated types, the lock."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.command import MESH
from tests.support.paths import ROOT
from tests.support.polyglot import PATH, PRODUCTS_TS, needs_products_ts

NPM = shutil.which("npm") or "npm"
pytestmark = needs_products_ts


def test_it_reads_every_vector_as_the_contract_says() -> None:
    done = subprocess.run([NPM, "test"], cwd=PRODUCTS_TS, capture_output=True, text=True, check=False, timeout=100)
    assert 0 == done.returncode, done.stdout


def test_its_types_are_those_of_the_contracts(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": PATH}
    subprocess.run(
        [MESH, "contracts", "generate", "typescript", str(tmp_path)], env=environment, check=True, timeout=100
    )
    for made in tmp_path.iterdir():
        assert made.read_text() == (PRODUCTS_TS / "src" / "contracts" / made.name).read_text()


def test_its_lock_names_no_host_of_a_registry() -> None:
    for lock in (ROOT / "polyglot").glob("*/package-lock.json"):
        assert [] == [one for one in json.loads(lock.read_bytes())["packages"].values() if "resolved" in one]

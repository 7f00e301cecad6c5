"""Runs programs in other languages, where their tools are installed: `make polyglot` installs them."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.command import MESH
from tests.support.paths import ROOT

POLYGLOT: Final = ROOT / "polyglot"
"""The folder of programs in other languages, and of the packages of Node.js."""
PRODUCTS_TS: Final = POLYGLOT / "products-ts"
JAVA: Final = POLYGLOT / "java"
CLIENTS: Final = POLYGLOT / "clients"
"""A session for each generator of clients."""
CLIENTS_PYTHON: Final = ROOT / ".venv-clients" / "bin"
_WITHIN: Final = 300
_TOOLS: Final = POLYGLOT / "node_modules" / ".bin"
PATH: Final = os.pathsep.join([str(_TOOLS), os.environ.get("PATH", ""), "/usr/local/go/bin"])


def _missing(*programs: str) -> bool:
    return not all(shutil.which(program, path=PATH) for program in programs)


needs_node = pytest.mark.skipif(_missing("node", "json2ts"), reason="needs Node.js and its packages: make polyglot")
needs_openapi_tools = pytest.mark.skipif(
    _missing("node", "redocly", "newman"), reason="needs Node.js and its packages: make polyglot"
)
needs_go = pytest.mark.skipif(_missing("go", "oapi-codegen"), reason="needs Go and oapi-codegen: make polyglot")
needs_java = pytest.mark.skipif(
    _missing("java") or not (JAVA / "target" / "lib").exists(), reason="needs Java 17 and Maven: make polyglot"
)
needs_client_ts = pytest.mark.skipif(
    _missing("node") or not (CLIENTS / "typescript" / "node_modules").exists(),
    reason="needs Node.js and openapi-typescript: make polyglot",
)
needs_client_python = pytest.mark.skipif(
    not (CLIENTS_PYTHON / "openapi-python-client").exists(), reason="needs openapi-python-client: make polyglot"
)
needs_client_java = pytest.mark.skipif(
    _missing("java") or not (CLIENTS / "java" / "target" / "lib").exists(),
    reason="needs Java 17 and Maven: make polyglot",
)
needs_products_ts = pytest.mark.skipif(
    _missing("node") or not (PRODUCTS_TS / "dist" / "main.js").exists(),
    reason="needs Node.js and polyglot/products-ts, built: make polyglot",
)
needs_go_workers = pytest.mark.skipif(
    "MESH_POLYGLOT" not in os.environ or _missing("go"), reason="make polyglot, with Go 1.26 from https://go.dev/dl"
)
"""For tests of a worker in Go, which take too long for `make test`."""


def run(folder: Path, name: str, *arguments: str, **environment: str) -> str:
    """Run the program there, and return what it prints. A failure shows all that it said."""
    done = attempt(folder, name, *arguments, **environment)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def attempt(folder: Path, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same, whatever its exit status."""
    program = shutil.which(name, path=PATH)
    assert program, name
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": PATH, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_WITHIN,
    )


def go(name: str, folder: Path) -> Path:
    """A copy of this program of polyglot/ in Go, with its generated types."""
    shutil.copytree(POLYGLOT / name, folder, dirs_exist_ok=True)
    run(ROOT, MESH, "contracts", "generate", "go", str(folder / "contracts"))
    return folder


def typescript(name: str, folder: Path, contracts: str = ".") -> Path:
    """The same in TypeScript, compiled to `dist`."""
    shutil.copytree(POLYGLOT / name, folder, dirs_exist_ok=True)
    shutil.copy(POLYGLOT / "package.json", folder)  # it says that these are modules of ECMAScript
    (folder / "node_modules").symlink_to(POLYGLOT / "node_modules")
    run(ROOT, MESH, "contracts", "generate", "typescript", str(folder / contracts))
    run(folder, "tsc", "--project", "tsconfig.json")
    return folder

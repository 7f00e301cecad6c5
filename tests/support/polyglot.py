"""Which tests run only where the tools of other languages are installed: `make polyglot` installs them."""

import os
import shutil
from typing import Final

import pytest

from tests.support.paths import ROOT

POLYGLOT: Final = ROOT / "polyglot"
"""The folder of programs in other languages, and of the packages of Node.js."""
PRODUCTS_TS: Final = POLYGLOT / "products-ts"
_TOOLS: Final = POLYGLOT / "node_modules" / ".bin"
PATH: Final = os.pathsep.join([str(_TOOLS), os.environ.get("PATH", ""), "/usr/local/go/bin"])


def _missing(*programs: str) -> bool:
    return not all(shutil.which(program, path=PATH) for program in programs)


needs_node = pytest.mark.skipif(_missing("node", "json2ts"), reason="needs Node.js and its packages: make polyglot")
needs_go = pytest.mark.skipif(_missing("go", "oapi-codegen"), reason="needs Go and oapi-codegen: make polyglot")
needs_products_ts = pytest.mark.skipif(
    _missing("node") or not (PRODUCTS_TS / "dist" / "main.js").exists(),
    reason="needs Node.js and polyglot/products-ts, built: make polyglot",
)
needs_go_workers = pytest.mark.skipif(
    "MESH_POLYGLOT" not in os.environ or _missing("go"), reason="make polyglot, with Go 1.26 from https://go.dev/dl"
)
"""For tests of a worker in Go, which take too long for `make test`."""

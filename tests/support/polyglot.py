"""Which tests run only where the tools of other languages are installed: `make polyglot` installs them."""

import shutil
from typing import Final

import pytest

from tests.support.paths import ROOT

POLYGLOT: Final = ROOT / "polyglot"
"""The folder of the programs and packages of Node.js."""

needs_node = pytest.mark.skipif(
    not ((POLYGLOT / "node_modules").is_dir() and shutil.which("node")),
    reason="needs node and its packages: make polyglot",
)
needs_go = pytest.mark.skipif(not shutil.which("go"), reason="needs go: make polyglot")

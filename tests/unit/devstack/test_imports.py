from __future__ import annotations

import subprocess
import sys

SLOW = {"nats", "pymongo", "cryptography", "structlog", "mesh.nats.transport"}


def test_mesh_up_imports_nothing_slow_that_it_does_not_need() -> None:
    program = "import sys, cli.application; cli.application.application(['up']); print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "devstack.stack.stack" in imported.split()
    assert set() == SLOW & set(imported.split())

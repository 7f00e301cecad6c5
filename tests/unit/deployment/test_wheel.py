"""The wheel has the files that processes and the command read beside their packages."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from tests.support.paths import ROOT

BESIDE_PACKAGES = {"services.py", "subjects.py", "nats.conf", "nats-tls.conf", "docs/contracts/asyncapi.json"}
TEMPLATES = {f"ops/contracts/page/{name}" for name in ("contracts.html.j2", "style.css", "search.js")}


def test_the_wheel_has_what_is_read_beside_the_packages(tmp_path: Path) -> None:
    [path] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    assert set() == (BESIDE_PACKAGES | TEMPLATES) - set(zipfile.ZipFile(path).namelist())

"""The releases of the contracts: what later versions are compared with."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mesh.core.contract import without_prose
from ops.contracts.document import CONTRACTS, SCHEMAS, Declared, contracts, schemas
from ops.contracts.files import OPENAPI

FOLDER: Final = "released"
"""Below the export."""
_VERSION: Final = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")

Version = tuple[int, int, int]


def numbers(version: str) -> Version:
    """The three numbers by which versions sort. Raises ValueError."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"not a version of three numbers, such as 1.0.0: {version}")
    return int(found[1]), int(found[2]), int(found[3])


def releases(export: Path) -> list[Path]:
    """The folders of the releases, the last one last."""
    folder = export / FOLDER
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted((one for one in found if _VERSION.fullmatch(one.name)), key=lambda one: numbers(one.name))


def last(export: Path) -> Path:
    """The folder of the last release. Raises ValueError if there is none."""
    found = releases(export)
    if not found:
        raise ValueError(f"{export / FOLDER} has no release: run `mesh contracts release VERSION`")
    return found[-1]


def refuse_unless_above(version: str, export: Path) -> None:
    """Raise ValueError unless the version sorts above every release."""
    wanted, found = numbers(version), releases(export)
    if any(one.name == version for one in found):
        raise ValueError(f"there is a release {version} already")
    if found and wanted < numbers(found[-1].name):
        raise ValueError(f"{version} does not sort above the last release, {found[-1].name}")


def files(declared: Declared, openapi: Mapping[str, Any], version: str) -> dict[str, str]:
    """The text of each file of a release: what is compared, without words for people."""
    return {
        CONTRACTS: _compact({**contracts(declared), "version": version}),
        SCHEMAS: _compact(without_prose(schemas(declared))),
        OPENAPI: _compact(without_prose({key: openapi[key] for key in ("openapi", "paths", "components")})),
    }


def _compact(document: Any) -> str:  # noqa: ANN401  # any JSON
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"

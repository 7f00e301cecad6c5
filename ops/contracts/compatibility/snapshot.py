"""The contracts of one version as they are compared: subjects, shapes and the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.contracts.document import CONTRACTS, SCHEMAS, Declared, contracts, load_references, read_json, read_shapes
from ops.contracts.document import referring as tree
from ops.contracts.files import OPENAPI
from ops.contracts.shapes import Schema
from ops.contracts.tree import Contracts

FILES: Final = (CONTRACTS, SCHEMAS, OPENAPI)
"""What is read of an export."""


@dataclass(frozen=True)
class Snapshot:
    """The contracts of one version."""

    contracts: Contracts
    """With references to `shapes`."""
    shapes: Mapping[str, Schema]
    openapi: Mapping[str, Any] | None
    """None if the export has none."""


def declared(of: Declared, openapi: Mapping[str, Any]) -> Snapshot:
    """The contracts of this checkout."""
    return Snapshot(tree(contracts(of)), of.definitions, openapi)


def read(folder: Path) -> Snapshot:
    """The contracts of an export or of a release. Raises ValueError, with the name of the file."""
    openapi = read_json(folder / OPENAPI) if (folder / OPENAPI).exists() else None
    return Snapshot(load_references(folder), read_shapes(folder), openapi)

"""Add a line to subjects.py."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.scaffold.source import Source, constant_arguments


def declare(root: Path, service: str, line: str, imports: Mapping[str, Sequence[str]]) -> None:
    """Add a declaration below the last one of its service, or below all in a group of its own.

    `imports`: names by module, besides the contract of the service.
    """
    subjects = Source(root, "subjects.py")
    declared = [node for node in subjects.tree.body if _subject(node) is not None]
    if not declared:
        raise subjects.missing("line with an Endpoint")
    own = [node for node in declared if (_subject(node) or "").startswith(f"{service}.")]
    subjects.insert_after((own or declared)[-1], f"{line}\n" if own else f"\n{line}\n")
    subjects.import_names("contracts", [service])
    for module, names in imports.items():
        subjects.import_names(module, names)
    subjects.save()


def _subject(node: ast.stmt) -> str | None:
    """The subject that a statement declares an endpoint for."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return None
    call = node.value
    if not isinstance(call.func, ast.Name) or call.func.id != "Endpoint":
        return None
    placed, _ = constant_arguments(call)
    return str(placed[0]) if placed else None

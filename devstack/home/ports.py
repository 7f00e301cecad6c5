"""The ports of the last start, kept in the home, so that a configured tool finds the same servers again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from ops.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PORTS = TypeAdapter(dict[str, tuple[int, ...]])


def read_ports(home: Path) -> dict[str, tuple[int, ...]]:
    """The ports of each process by name; empty for a home that has not run yet."""
    try:
        return _PORTS.validate_json(_file(home).read_bytes())
    except (OSError, ValidationError):
        return {}


def keep_ports(home: Path, ports: Mapping[str, Sequence[int]]) -> None:
    """Keep the ports of this start. Processes that did not run keep their previous ones."""
    known = read_ports(home) | {name: tuple(of) for name, of in ports.items()}
    write_private(_file(home), _PORTS.dump_json(known, indent=2).decode())


def _file(home: Path) -> Path:
    return home / "ports.json"

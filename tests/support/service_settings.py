"""The settings class of each process, found by its package: a new service needs no list of its own."""

from importlib import import_module
from inspect import isclass
from typing import Final

from mesh.core.settings import Settings
from ops.process import Process
from services import PROCESSES


def settings_of(row: Process) -> type[Settings]:
    """The class with which a process of services.py reads its environment: `<Name>Settings` in its settings.py."""
    module = import_module(f"{row.package}.settings")
    name = f"{row.name.title().replace('_', '')}Settings"
    found = getattr(module, name, None)
    if not (isclass(found) and issubclass(found, Settings)):
        raise ValueError(f"{row.package}/settings.py must have a class {name} that is a Settings")
    return found


OF_SERVICES: Final[dict[str, type[Settings]]] = {row.name: settings_of(row) for row in PROCESSES}

"""The templates of `mesh new`: files that read like what they make, with `$name` where a name stands.

A template's path is that of its file in the project, with `{name}` where a name stands.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from string import Template

_ENDING = ".tmpl"
FOLDERS = ("service", "stored", "postgres", "mongo", "stateless")
"""Of every service, of those with a store, and of each kind of store."""


def rendered(folder: str, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each file of a folder of templates: its path in the project, and its text."""
    for path, template in _templates(folder):
        yield path.format_map(words), Template(template).substitute(words)


def text(name: str, words: Mapping[str, str]) -> str:
    """The text of one template, such as `endpoint/contract.py`."""
    source = files(__package__).joinpath(f"{name}{_ENDING}").read_text(encoding="utf-8")
    return Template(source).substitute(words)


@cache
def class_names() -> frozenset[str]:
    """The classes that the templates import and do not make: a service's own cannot have their names."""
    return frozenset(
        word
        for folder in FOLDERS
        for _, template in _templates(folder)
        for line in re.findall(r"^from .* import (.*)$", template, re.MULTILINE)
        for word in re.findall(r"(?<![\w$}])[A-Z][a-z]\w+", line)
    )


def _templates(folder: str) -> list[tuple[str, str]]:
    with as_file(files(__package__).joinpath(folder)) as root:
        return [(_path(root, one), one.read_text(encoding="utf-8")) for one in sorted(root.rglob(f"*{_ENDING}"))]


def _path(root: Path, template: Path) -> str:
    return template.relative_to(root).as_posix().removesuffix(_ENDING)

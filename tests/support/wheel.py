"""An installation of the wheel with one extra, made of what is installed here: it needs no internet."""

import re
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

from tests.support.paths import ROOT

NAME: Final = "northwind-mesh"
_RUN: Final = "import sys; sys.path[:0] = {paths!r}; from cli.main import main; sys.argv[0] = 'mesh'; main()"


def installed(extra: str, folder: Path) -> tuple[str, ...]:
    """The command `mesh` of the wheel, in a Python that finds it and what the extra requires, and no other package."""
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    own, others = folder / "wheel", folder / "required"
    zipfile.ZipFile(wheel).extractall(own)
    others.mkdir()
    for one in _required(extra):
        for file in one.files or ():
            top = file.parts[0]
            if top != ".." and not (others / top).is_symlink():
                (others / top).symlink_to(Path(str(one.locate_file(top))))
    return (sys.executable, "-I", "-S", "-c", _RUN.format(paths=[str(own), str(others)]))


def _required(extra: str) -> list[Distribution]:
    """Each distribution that the extra requires, directly or not."""
    found, waiting = dict[tuple[str, str], Distribution](), [(NAME, extra), (NAME, "")]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in found:
            continue
        found[name, wanted] = one = distribution(name)
        for requirement in map(Requirement, one.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                other = re.sub(r"[-_.]+", "-", requirement.name).lower()
                waiting += [(other, more) for more in ("", *requirement.extras)]
    return [one for (name, _), one in found.items() if name != NAME]

"""Runs PostgreSQL for root, as whom it refuses to run; in a container, root is often the only user."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from devstack.errors import DevstackError

_NOBODY = 65534
_AS_NOBODY = (
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
    # It keeps one right: to pass through folders that only root may enter, as a home or a virtualenv can be.
    *(f"--{kind}=-all,+dac_override" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
)


def search_path() -> str:
    """Where setpriv and unshare are: in the system's folders, whatever the terminal's PATH is."""
    return os.pathsep.join(filter(None, (os.environ.get("PATH"), os.defpath)))


def unprivileged(folder: Path, orphan_signal: signal.Signals) -> tuple[str, ...]:
    """The prefix of a command with which PostgreSQL accepts to run on `folder`, which it must own.

    A user namespace is preferred, since files remain root's. Docker's default profile forbids it; there `nobody` runs
    the server and owns the files. An ordinary user needs neither.

    Raises:
        DevstackError: the user is root and neither way works.

    """
    if os.geteuid() != 0:
        return ()
    as_mapped_user = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    for prefix, owner in ((as_mapped_user, 0), (_AS_NOBODY, _NOBODY)):
        if _works(prefix):
            _give(folder, owner)
            # The kernel forgets the parent-death signal when the user changes.
            return (*prefix, "setpriv", f"--pdeathsig={orphan_signal.name.removeprefix('SIG')}", "--")
    raise DevstackError(
        "PostgreSQL does not run as root, and root cannot switch users here: start as an ordinary user, "
        "or set the DATABASE_URL of each service (`mesh up --help`)"
    )


def _works(prefix: tuple[str, ...]) -> bool:
    path = search_path()
    program = shutil.which(prefix[0], path=path)
    if program is None or shutil.which("setpriv", path=path) is None:
        return False
    tried = [program, *prefix[1:], "true"]
    return subprocess.run(tried, env={"PATH": path}, check=False, capture_output=True).returncode == 0


def _give(folder: Path, owner: int) -> None:
    if folder.stat().st_uid != owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)

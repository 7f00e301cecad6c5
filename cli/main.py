"""The command's entry point. It imports nothing else until it can handle errors and Ctrl-C during imports."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from mesh.telemetry.streams import open_streams

_INTERRUPTED = 130  # 128 plus the number of SIGINT, by convention
_FORCES = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")  # with these, rich treats any output as a terminal


def main() -> None:
    """Run the command. The exit status gives the result."""
    open_streams()
    _ignore_pythonpath()
    _settle_environment()
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError as error:  # errors that no command handles, such as a full disk
        with suppress(OSError):
            print(f"mesh: {error}", file=sys.stderr, flush=True)  # noqa: T201  # how a command speaks
        sys.exit(1)
    finally:
        _drop_what_cannot_be_written()


def _ignore_pythonpath() -> None:
    """Import nothing from the folders of PYTHONPATH, which are for other programs."""
    ours = Path(__file__).resolve().parents[1]
    foreign = {Path(one).resolve() for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one} - {ours}
    if foreign:
        sys.path[:] = [one for one in sys.path if Path(one).resolve() not in foreign]


def _settle_environment() -> None:
    """Remove blank variables, so that every library treats them as not set. Keep pipes free of colours."""
    for name in [name for name, value in os.environ.items() if not value.strip()]:
        del os.environ[name]
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        for name in _FORCES:
            os.environ.pop(name, None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack letters in customers' names


def _drop_what_cannot_be_written() -> None:
    """Discard buffered output: Python would write it again at exit, change the status and report the error twice."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, None)


def _run() -> None:
    # These imports take half a second, during which Ctrl-C may arrive.
    from cli.application import MODULES, application  # noqa: PLC0415

    # The other subcommands' imports take as long as `mesh up` takes to start its servers.
    words = (
        os.environ["COMP_WORDS"].split() if "_MESH_COMPLETE" in os.environ and "COMP_WORDS" in os.environ else sys.argv
    )
    asked_for = [name for name in words[1:2] if name in MODULES]
    application(asked_for or tuple(MODULES))()


def _words() -> list[str]:
    """The command line; that which a shell wants to be completed, if it asks."""
    typed = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS")
    return typed.split() if typed and "_MESH_COMPLETE" in os.environ else sys.argv


if __name__ == "__main__":
    main()

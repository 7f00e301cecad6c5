"""The command's entry point. It imports nothing before it can handle what may happen during an import."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper

from mesh.telemetry.streams import open_streams

_INTERRUPTED = 130  # 128 and the number of SIGINT, as of every program that Ctrl-C ended
_FORCES = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")  # by which rich takes anything for a terminal


def main() -> None:
    """Run the command. The exit status gives the result."""
    open_streams()
    _settle_environment()
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError as error:  # what no command has a sentence of its own for, such as a full disk under its output
        with suppress(OSError):
            print(f"mesh: {error}", file=sys.stderr, flush=True)  # noqa: T201  # how a command speaks
        sys.exit(1)
    finally:
        _drop_what_cannot_be_written()


def _settle_environment() -> None:
    """Remove blank variables, so that every library treats them as not set. Keep pipes free of colours."""
    for name in [name for name, value in os.environ.items() if not value.strip()]:
        del os.environ[name]
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        for name in _FORCES:
            os.environ.pop(name, None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than customers have


def _drop_what_cannot_be_written() -> None:
    """Keep Python from writing again at exit, which would change the status and report the error twice."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, None)


def _run() -> None:
    # Half a second, in which a Ctrl-C may come.
    from cli.application import MODULES, application  # noqa: PLC0415

    # What the other subcommands stand on takes as long to import as `mesh up` takes to start its servers.
    asked_for = [name for name in sys.argv[1:2] if name in MODULES]
    application(asked_for or tuple(MODULES))()


if __name__ == "__main__":
    main()

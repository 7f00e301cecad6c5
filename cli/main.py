"""The command's entry, which imports nothing until somebody catches what may happen then."""

import sys

_INTERRUPTED = 130  # 128 and the number of SIGINT, as of every program that Ctrl-C ended


def main() -> None:
    """Run the command; its exit status tells how it went."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError as error:  # what no command has a sentence of its own for, such as a full disk under its output
        sys.stdout = None  # or its rest is tried again at the exit, and told of again
        sys.exit(f"mesh: {error}")


def _run() -> None:
    # Half a second, in which a Ctrl-C may come.
    from cli.application import MODULES, application  # noqa: PLC0415

    # What the other subcommands stand on takes as long to import as `mesh up` takes to start its servers.
    asked_for = [name for name in sys.argv[1:2] if name in MODULES]
    application(asked_for or tuple(MODULES))()


if __name__ == "__main__":
    main()

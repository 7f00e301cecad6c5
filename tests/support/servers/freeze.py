"""Freezes and thaws a server, as the `--fault-command` of `mesh conform` does: `python -m … PID away|back`."""

import sys

import psutil

if __name__ == "__main__":
    main = psutil.Process(int(sys.argv[1]))
    if sys.argv[2] == "away":
        main.suspend()  # first, so that it starts no more children
        for process in main.children(recursive=True):
            process.suspend()
    else:
        for process in main.children(recursive=True):
            process.resume()
        main.resume()

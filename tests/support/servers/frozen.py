"""A server that hangs: it keeps its connections and takes new ones, and answers nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from devstack.servers.all import Servers
from ops.process import ServerName


@contextmanager
def frozen(servers: Servers, name: ServerName) -> Iterator[None]:
    """Stop the server's processes, and let them go on at the end."""
    main = psutil.Process(servers.pid(name))
    main.suspend()  # first, so that no further child comes into being
    processes = [main, *main.children(recursive=True)]
    for process in processes[1:]:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()

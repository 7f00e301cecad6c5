"""Which ports are free: asked before anything starts, so that a taken one is a sentence and not a stack trace."""

from __future__ import annotations

import errno
import random
import socket

from devstack.errors import DevstackError

# Below the range from which Linux takes ports for outgoing connections (32768 and up): otherwise, while a server
# is down, any client of anything could take its port, and it could not come back there.
_RANGE = range(20_000, 32_768)
_LAST = 65_535


def free_ports(count: int) -> tuple[int, ...]:
    """Find ports of 127.0.0.1 that nobody listens on now; somebody may still be faster."""
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_RANGE)  # noqa: S311  not a secret
        if is_free(port):
            found.add(port)
    return tuple(found)


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of 127.0.0.1 now."""
    return not _why_not("127.0.0.1", port)


def check_port(host: str, port: int, another: str = "choose another with --http-port") -> None:
    """Refuse an address on which a server could not listen; `another` says how to get a different port.

    Raises:
        DevstackError: with the reason and the way out.

    """
    if port > _LAST:  # of several gateways each takes the port after the last one's
        raise DevstackError(f"there is no port {port}, the last is {_LAST}: {another}")
    match _why_not(host, port):
        case 0:
            return
        case errno.EADDRINUSE:
            raise DevstackError(f"port {port} is taken: free it, or {another}")
        case errno.EACCES:
            raise DevstackError(f"port {port} is for the system's services: choose one from 1024 up, or {another}")
        case _:
            raise DevstackError(f"{host} is not an address of this machine: 127.0.0.1 is, and 0.0.0.0 means all of its")


def _why_not(host: str, port: int) -> int:
    """Try to listen, and return the error's number, 0 for none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return error.errno or errno.EADDRNOTAVAIL
    except UnicodeError:  # of what can be no host's name
        return errno.EADDRNOTAVAIL
    return 0

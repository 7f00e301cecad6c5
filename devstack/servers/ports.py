"""Finds free ports before anything starts, so that a port in use is reported in a sentence."""

from __future__ import annotations

import errno
import random
import socket

from devstack.errors import DevstackError

# Below Linux's range for outgoing connections (32768 and up): otherwise any client could take the port of a server
# that is down, and the server could not return there.
_RANGE = range(20_000, 32_768)
_LAST = 65_535


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that are free now. Another process may still take one."""
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_RANGE)  # noqa: S311  not a secret
        if is_free(port):
            found.add(port)
    return tuple(found)


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of 127.0.0.1 now."""
    return not _why_not("127.0.0.1", port)


def check_port(host: str, port: int, another: str = "choose another with --http-port") -> None:
    """Raise if a server cannot listen on an address. `another` says how to choose a different port.

    Raises:
        DevstackError: with the reason and what to do.

    """
    if port > _LAST:  # several gateways use consecutive ports
        raise DevstackError(f"there is no port {port}, the last is {_LAST}: {another}")
    match _why_not(host, port):
        case 0:
            return
        case errno.EADDRINUSE:
            raise DevstackError(f"port {port} is in use: free it, or {another}")
        case errno.EACCES:
            raise DevstackError(f"port {port} is reserved for root: choose one from 1024 up, or {another}")
        case _:
            raise DevstackError(
                f"{host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all addresses"
            )


def _why_not(host: str, port: int) -> int:
    """Try to listen. Returns the error number, or 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return error.errno or errno.EADDRNOTAVAIL
    except UnicodeError:  # not a valid host name
        return errno.EADDRNOTAVAIL
    return 0

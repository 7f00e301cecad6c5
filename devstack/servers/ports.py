"""Reserves free ports before anything starts, so that a port in use is reported in a sentence."""

from __future__ import annotations

import errno
import os
import random
import socket
import sys
import weakref
from typing import TYPE_CHECKING

from devstack.errors import DevstackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Below Linux's range for outgoing connections (32768 and up): otherwise any client could take the port of a server
# that is down, and the server could not return there.
_RANGE = range(20_000, 32_768)
_LAST = 65_535
_TRIES = 1_000


class Reservation:
    """Free ports of 127.0.0.1. No other reservation on this machine has them until `release`.

    Each is held by a socket that is bound and does not listen. On Linux a server can listen on such a port, and
    another reservation cannot bind it. Elsewhere the ports are only free at first.
    """

    def __init__(self, count: int, among: Sequence[int] = _RANGE) -> None:
        """Reserve `count` ports. Raises DevstackError if fewer are free."""
        held: list[socket.socket] = []
        for port in random.sample(among, min(len(among), _TRIES)) if count else ():
            if (one := _hold(port)) is not None:
                held.append(one)
            if len(held) == count:
                break
        self.ports: tuple[int, ...] = tuple(one.getsockname()[1] for one in held)
        self.release = weakref.finalize(self, _close, [one.detach() for one in held])
        """Let others have the ports: whatever was to listen there does. Happens by itself with the last reference."""
        if len(held) < count:
            self.release()
            raise DevstackError(f"fewer than {count} ports of 127.0.0.1 are free from {among[0]} to {among[-1]}")
        if sys.platform != "linux":
            self.release()


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that are free now. Another process may still take one."""
    reservation = Reservation(count)
    reservation.release()
    return reservation.ports


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


def _hold(port: int) -> socket.socket | None:
    """A socket that is bound to the port of 127.0.0.1; None if the port is in use or reserved."""
    holder = socket.socket()
    try:
        holder.bind(("127.0.0.1", port))  # without SO_REUSEADDR: it fails if any other socket is bound
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # from now on a server may bind too, and listen
    except OSError:
        holder.close()
        return None
    return holder


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


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

"""Binds the address that a process serves HTTP on, and says in one line why it cannot."""

import errno
import socket
from collections.abc import Callable

from mesh.process.run import StartError


def bound_socket(
    host: str, port: int, prefix: str, prepare: Callable[[socket.socket], None] = lambda _: None
) -> socket.socket:
    """A bound socket that accepts no connections until it is served.

    `prefix` begins the names of the variables with host and port. `prepare` sets further options before it is bound.
    Raises StartError if the address is not available.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        prepare(bound)
        bound.bind((host, port))
    except TypeError:  # IDNA cannot encode the name
        bound.close()
        why = f"{host} is not a valid host name: set {prefix}_HOST to an address of this machine"
        raise StartError(why) from None
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            why = (
                f"port {port} on {host} is in use: stop the process that listens there, or set {prefix}_PORT to another"
            )
        else:
            why = f"cannot listen on port {port} of {host} ({prefix}_HOST, {prefix}_PORT): {error.strerror}"
        raise StartError(why) from error
    return bound

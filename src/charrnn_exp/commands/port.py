"""The port that a verb serves on: the one typed, or the next that is free."""

import socket

from charrnn_exp.errors import MachineError, UserError

NUM_TRIED = 100


def bind_port(typed: str | None, host: str, first: int) -> socket.socket:
    """Return a socket that is bound to the port typed, or to the first free one of `NUM_TRIED`.

    Args:
        typed: a number; None: any.
        host: that it is a port of.
        first: of the ports that are tried.

    Raises:
        UserError: if what was typed is no port, or the host has no address.
        MachineError: if the port is taken, by whatever serves there.
    """
    if typed is None:
        for port in range(first, first + NUM_TRIED):
            if (bound := _bind(host, port)) is not None:
                return bound
        raise MachineError(f"no port from {first} to {first + NUM_TRIED - 1} is free: set port=N.")
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 5 and 1 <= int(typed) <= 65535):
        raise UserError(f"port must be in [1, 65535], got {typed!r}.")
    if (bound := _bind(host, int(typed))) is None:
        raise MachineError(f"port {typed} of {host} is taken, or not ours to take: leave port out, or set another one.")
    return bound


def _bind(host: str, port: int) -> socket.socket | None:
    """Return a socket; None where the port is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise UserError(f"host must be an address or a name of this machine, got {host!r}.") from None
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen()
    except OSError:
        bound.close()
        return None
    return bound

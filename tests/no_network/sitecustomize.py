"""Imported by each Python process that a test starts: block the network, and record the command of each attempt."""

import os
import socket
import sys
from pathlib import Path

_connect, _connect_ex, _sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
_getaddrinfo = socket.getaddrinfo
LOOPBACK = "127.0.0.1"


def _refused(what):
    with Path(os.environ["TESTS_TRIED_NETWORK"]).open("a", encoding="utf-8") as file:
        file.write(f"{what}: {' '.join(sys.argv)[:200]}\n")
    raise OSError(f"no test may open a network connection ({what})")


def _check(used, address, what):
    if used.family != socket.AF_UNIX and address[0] != LOOPBACK:
        _refused(what)


def connect(self, address):
    """Connect to a Unix socket or to 127.0.0.1; refuse every other address."""
    _check(self, address, "connect")
    return _connect(self, address)


def connect_ex(self, address):
    """Connect as `connect` does, but return an error of the connection as a number."""
    _check(self, address, "connect_ex")
    return _connect_ex(self, address)


def sendto(self, data, *flags_and_address):
    """Send data to a Unix socket or to 127.0.0.1; refuse every other address."""
    _check(self, flags_and_address[-1], "sendto")
    return _sendto(self, data, *flags_and_address)


def getaddrinfo(host, *rest, **more):
    """Resolve 127.0.0.1 only; refuse every other host name."""
    if host != LOOPBACK:
        _refused("getaddrinfo")
    return _getaddrinfo(host, *rest, **more)


if "TESTS_TRIED_NETWORK" in os.environ:
    socket.socket.connect = connect
    socket.socket.connect_ex = connect_ex
    socket.socket.sendto = sendto
    socket.getaddrinfo = getaddrinfo

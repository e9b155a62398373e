"""Read by every Python that a test starts: what tries the network fails, and the whole run says who tried."""

import os
import socket
import sys
from pathlib import Path

_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo
LOOPBACK = "127.0.0.1"


def _refused(what):
    with Path(os.environ["TESTS_TRIED_NETWORK"]).open("a", encoding="utf-8") as file:
        file.write(f"{what}: {' '.join(sys.argv)[:200]}\n")
    raise OSError(f"no test may open a network connection ({what})")


def connect(self, address):
    """Connect, if it is to a file or to a port of this machine."""
    if self.family != socket.AF_UNIX and address[0] != LOOPBACK:
        _refused("connect")
    return _connect(self, address)


def getaddrinfo(host, *rest, **more):
    """Look up no name."""
    if host != LOOPBACK:
        _refused("getaddrinfo")
    return _getaddrinfo(host, *rest, **more)


if "TESTS_TRIED_NETWORK" in os.environ:
    socket.socket.connect = connect
    socket.getaddrinfo = getaddrinfo

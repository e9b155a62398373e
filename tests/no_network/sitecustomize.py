"""Read by every Python that a test starts: what tries the network fails, and the whole run says who tried."""

import os
import socket
import sys
from pathlib import Path

_connect = socket.socket.connect


def _refused(what):
    with Path(os.environ["TESTS_TRIED_NETWORK"]).open("a", encoding="utf-8") as file:
        file.write(f"{what}: {' '.join(sys.argv)[:200]}\n")
    raise OSError(f"no test may open a network connection ({what})")


def connect(self, address):
    """Connect, if it is to a file of this machine."""
    if self.family != socket.AF_UNIX:
        _refused("connect")
    return _connect(self, address)


def getaddrinfo(*_, **__):
    """Look up no name."""
    _refused("getaddrinfo")


if "TESTS_TRIED_NETWORK" in os.environ:
    socket.socket.connect = connect
    socket.getaddrinfo = getaddrinfo

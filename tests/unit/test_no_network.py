"""Processes that a test starts cannot open a network connection, and each attempt is recorded."""

import os
import subprocess
import sys

import pytest

TRIES = {
    "create_connection": "import socket; socket.create_connection(('192.0.2.1', 9))",
    "socket.connect_ex": "import socket; socket.socket().connect_ex(('192.0.2.1', 80))",
    "socket.sendto": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 80))",
    "socket.connect": "import socket; socket.socket().connect(('192.0.2.1', 80))",
    "getaddrinfo": "import socket; socket.getaddrinfo('example.org', 80)",
    "urlopen": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=2)",
}


def run(code, **env):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", TRIES)
def test_a_child_that_uses_the_network_fails_and_is_reported(how, tmp_path):
    tried = tmp_path / "tried"
    done = run(TRIES[how], TESTS_TRIED_NETWORK=str(tried))
    assert done.returncode != 0
    assert "no test may open a network connection" in done.stderr
    assert tried.read_text().strip()


def test_a_child_may_use_a_local_socket():
    done = run("import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1).decode())")
    assert done.stdout.strip() == "x"

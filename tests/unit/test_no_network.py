"""No test, and nothing that a test starts, opens a network connection."""

import os
import subprocess
import sys

import pytest

TRIES = {
    "connect": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "connect by number": "import socket; socket.socket().connect(('192.0.2.1', 80))",
    "getaddrinfo": "import socket; socket.getaddrinfo('example.org', 80)",
    "urlopen": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=2)",
}


@pytest.mark.parametrize("how", TRIES)
def test_a_child_that_tries_fails_and_is_named(how, tmp_path):
    tried = tmp_path / "tried"
    environment = {**os.environ, "TESTS_TRIED_NETWORK": str(tried)}
    done = subprocess.run(
        [sys.executable, "-c", TRIES[how]], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "no test may open a network connection" in done.stderr
    assert tried.read_text().strip()


def test_a_child_that_does_not_try_is_left_alone(tmp_path):
    code = "import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1).decode())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "x"

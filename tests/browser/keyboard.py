"""Chromium with a keyboard: its DevTools protocol over two pipes, without the network."""

import contextlib
import json
import os
import subprocess


class Keyboard:
    """A page in a Chromium process of its own, which receives real key events."""

    def __init__(self, commands, answers):
        self._commands, self._answers, self._number = commands, answers, 0
        self._session = {}
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def __call__(self, method, **params):
        """Send a command and return its result; events are skipped."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while True:
            found = json.loads(self._message())
            if found.get("id") == self._number:
                return found["result"]

    def _message(self):
        parts = bytearray()
        while (byte := self._answers.read(1)) not in {b"\0", b""}:
            parts += byte
        return parts

    def open(self, page_file):
        """Load a page and wait until it is complete."""
        self("Page.navigate", url=page_file.as_uri())
        while self.value("document.readyState") != "complete" or not self.value("location.href").startswith("file:"):
            pass

    def value(self, expression):
        """Return the value of an expression in the page."""
        return self("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def press_tab(self):
        """Press and release the Tab key."""
        key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        self("Input.dispatchKeyEvent", type="rawKeyDown", **key)
        self("Input.dispatchKeyEvent", type="keyUp", **key)


@contextlib.contextmanager
def keyboard(command):
    """Start Chromium with this command and yield a `Keyboard`."""
    (read, commands), (answers, write) = os.pipe(), os.pipe()
    shell = ["bash", "-c", f'exec "$@" 3<&{read} 4>&{write}', "bash", *command, "--remote-debugging-pipe"]
    with os.fdopen(commands, "wb") as sent, os.fdopen(answers, "rb") as received:
        process = subprocess.Popen(
            shell, pass_fds=(read, write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(read)
        os.close(write)
        try:
            yield Keyboard(sent, received)
        finally:
            process.terminate()
            process.wait(timeout=30)

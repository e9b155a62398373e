"""One page in a Chromium process, controlled by the DevTools protocol over two pipes, without the network."""

import base64
import contextlib
import json
import os
import subprocess


class Page:
    """A browser page: load it, evaluate expressions in it, print it, and send it real key events."""

    def __init__(self, commands, answers):
        self._commands, self._answers, self._unread, self._number = commands, answers, b"", 0
        self._session = {}
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self("Page.enable")
        self("Page.setBypassCSP", enabled=True)  # the pages forbid scripts, but axe-core is a script

    def __call__(self, method, **params):
        """Send a command and return its result; events are skipped."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            found = json.loads(self._message())
            if found.get("id") == self._number:
                return found["result"]

    def _message(self):
        while b"\0" not in self._unread:
            part = os.read(self._answers, 1 << 20)
            if not part:
                raise EOFError("Chromium ended")
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        return message

    def open(self, page_file, *, width=1280, scheme="light"):
        """Load a page in a window of this width and 1,600 pixels of height, and wait until it is complete."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=1600, deviceScaleFactor=1, mobile=False)
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self("Page.navigate", url="about:blank")
        self("Page.navigate", url=page_file.as_uri())
        complete = json.dumps([page_file.as_uri(), "complete"])
        while self.value("JSON.stringify([location.href, document.readyState])") != complete.replace(", ", ","):
            pass

    def value(self, expression):
        """Return the value of an expression, or of its promise, in the page."""
        found = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    def open_details(self):
        """Open every closed part of the page."""
        self.value('document.querySelectorAll("details").forEach(part => { part.open = true })')

    def press_tab(self):
        """Press and release the Tab key."""
        key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        self("Input.dispatchKeyEvent", type="rawKeyDown", **key)
        self("Input.dispatchKeyEvent", type="keyUp", **key)

    def screenshot(self):
        """Return the window as the bytes of a png file."""
        return base64.b64decode(self("Page.captureScreenshot", format="png")["data"])

    def printed(self):
        """Print the page and return the bytes of the pdf file."""
        return base64.b64decode(self("Page.printToPDF")["data"])


@contextlib.contextmanager
def chromium(command):
    """Start Chromium with this command and yield a `Page`."""
    (read, commands), (answers, write) = os.pipe(), os.pipe()
    shell = ["bash", "-c", f'exec "$@" 3<&{read} 4>&{write}', "bash", *command, "--remote-debugging-pipe"]
    process = subprocess.Popen(shell, pass_fds=(read, write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(read)
    os.close(write)
    try:
        yield Page(commands, answers)
    finally:
        process.terminate()
        process.wait(timeout=30)
        os.close(commands)
        os.close(answers)

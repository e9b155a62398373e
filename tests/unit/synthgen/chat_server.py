"""A chat server with the OpenAI interface on this machine; the test sets its answers."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

TEXT = "The patient of {age} was seen in clinic today and the plan was discussed; number {seed} of this series."


def text_answer(body):
    """Return a text that depends on the seed of the request."""
    text = TEXT.format(age=20 + body["seed"] % 60, seed=body["seed"] % 100_003)
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


class ChatServer:
    """The address of the server, the requests that it received, and the function that answers them."""

    def __init__(self, port, models):
        self.url = f"http://127.0.0.1:{port}/v1"
        self.models, self.answer = models, text_answer
        self.bodies, self.headers = [], []


@contextmanager
def chat_server(port=0, models=("writer",)):
    """Serve on a port of this machine until the block ends."""
    enable_socket()
    socket_allow_hosts(["127.0.0.1"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(200, {"data": [{"id": name} for name in state.models]})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.bodies.append(body)
            state.headers.append(dict(self.headers))
            self.reply(*state.answer(body))

        def reply(self, status, value):
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            if 300 <= status < 400:
                self.send_header("Location", "http://example.org/v1")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads, allow_reuse_address = True, True

        def handle_error(self, *_):
            """Print nothing if a client goes away."""

    server = Server(("127.0.0.1", port), Handler)
    state = ChatServer(server.server_address[1], list(models))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        disable_socket(allow_unix_socket=True)

import contextlib
import gc
import json
import socket
import struct
import time
from threading import Event, Thread

import pytest

from synthgen.core.errors import ConfigError, ModelError
from synthgen.decode.config import EndpointConfig
from synthgen.decode.prompting import client as module
from synthgen.decode.prompting.client import Answer, Client, is_private

SECRET = "Mrs Rosalind Achebe of 12 Harbour Lane"
MESSAGES = [{"role": "user", "content": SECRET}]


def client(server, **changes):
    return Client(EndpointConfig(**{"url": server.url, "model": "writer", "timeout": 5.0, **changes}))


def ask(made, **settings):
    return made.chat(MESSAGES, Event(), seed=3, **settings)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)


def test_answer_and_request_have_the_form_of_the_interface(server, monkeypatch):
    monkeypatch.setenv("OUR_KEY", " sk-123 ")
    made = client(server, key_env="OUR_KEY")
    made.check()
    found = ask(made, temperature=0.8, max_tokens=9)
    assert (found.is_cut, found.text.startswith("The patient of 23")) == (False, True)
    (body,) = server.bodies
    assert body == {
        "model": "writer", "messages": MESSAGES, "stream": False, "n": 1, "seed": 3, "temperature": 0.8,
        "max_tokens": 9,
    }  # fmt: skip
    assert server.headers[0]["Authorization"] == "Bearer sk-123"
    server.answer = lambda _: (200, {"choices": [{"message": {"content": None}, "finish_reason": "length"}]})
    assert ask(made) == Answer("", is_cut=True)


def test_unknown_model_names_the_offered_ones(server):
    server.models = ["llama3:8b", "qwen"]
    answer = server.answer
    server.answer = lambda body: answer({**body, "seed": 1})
    client(server).check()  # some servers serve models that they do not list
    server.answer = lambda body: (404, {"detail": body["model"]})
    with pytest.raises(ModelError, match="has no model 'writer'") as refused:
        client(server).check()
    assert refused.value.problems == ("the server offers 'llama3:8b'", "the server offers 'qwen'")


def test_missing_key_and_refused_access_name_the_setting(server, monkeypatch):
    monkeypatch.delenv("OUR_KEY", raising=False)
    with pytest.raises(ConfigError, match="OUR_KEY is not set or is empty"):
        client(server, key_env="OUR_KEY").check()
    server.answer = lambda _: (401, {"error": SECRET})
    with pytest.raises(ModelError, match="refuses access") as refused:
        ask(client(server))
    assert "key_env" in str(refused.value)


def test_server_that_does_not_run_is_reported_at_once(server):
    made = client(server, url="http://127.0.0.1:1/v1")
    start = time.monotonic()
    with pytest.raises(ModelError, match="does not answer: the connection was refused"):
        made.check()
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (400, {"error": {"message": f"maximum context length is 512: {SECRET}"}}),
            "are too long for the context of",
        ),
        (
            (500, {"error": {"message": f"the request exceeds the available context size {SECRET}"}}),
            "are too long for the context of",
        ),
        ((404, {"detail": SECRET}), r"has no chat interface or no model 'writer' \(status 404\)"),
        ((422, {"detail": SECRET}), r"rejects a request for a text \(status 422\)"),
        ((307, {"detail": SECRET}), "redirects to another address"),
        ((200, {"text": SECRET}), "does not have the format of the OpenAI API"),
        ((200, SECRET.encode()), "does not have the format of the OpenAI API"),
        ((200, {"choices": [{"message": {"content": [SECRET]}}]}), "does not have the format"),
        ((503, {"detail": SECRET}), r"answers with an error \(status 503\)"),
    ],
)
def test_each_failure_has_a_clear_error_without_the_prompt(server, impatient, answer, message):
    server.answer = lambda _: answer
    with pytest.raises(ModelError, match=message) as refused:
        ask(client(server))
    assert SECRET not in str(refused.value)
    assert "Achebe" not in str(refused.value)


def test_request_is_repeated_until_the_server_answers(server, monkeypatch):
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    answer = server.answer
    states = [429, 503, 200]
    server.answer = lambda body: answer(body) if (state := states.pop(0)) == 200 else (state, {})
    assert ask(client(server)).text
    assert states == []


def test_patience_starts_at_the_first_failure(server, monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.4)
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    answer, slow = server.answer, [True]

    def later(body):
        if slow.pop() if slow else False:
            time.sleep(0.8)  # longer than RETRY_SECONDS
            return 503, {}
        return answer(body)

    server.answer = later
    assert ask(client(server)).text


def test_broken_handshake_is_an_error_of_the_server(server, impatient):
    with pytest.raises(ModelError, match=r"no secure connection|does not answer"):
        ask(client(server, url=server.url.replace("http:", "https:")))


def test_slow_answer_is_an_error_that_names_the_timeout(server, impatient):
    server.answer = lambda _: (time.sleep(0.6), (200, {}))[1]
    with pytest.raises(ModelError, match=r"no answer within 0\.2 seconds"):
        ask(client(server, timeout=0.2))


def test_oversized_answer_is_refused(server, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    server.answer = lambda _: (200, b"x" * 101)
    with pytest.raises(ModelError, match=r"an answer of .* has more than"):
        ask(client(server))


@pytest.mark.usefixtures("server")  # this fixture allows sockets
def test_answer_that_breaks_off_leaves_no_open_socket(impatient):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def break_off():
            with contextlib.suppress(OSError):  # raised when the listener is closed
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nabc")
                        time.sleep(0.05)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset

        Thread(target=break_off, daemon=True).start()
        config = EndpointConfig(url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", model="writer", timeout=5.0)
        with pytest.raises(ModelError, match="the connection broke") as broken:
            ask(Client(config))
        broken.value.cycle = broken  # the garbage collector closes the objects of a cycle in any order
        del broken
        gc.collect()  # a socket that is still open gives a warning, which fails the test


def test_environment_proxy_is_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    assert ask(client(server)).text


@pytest.mark.parametrize(
    ("address", "private"),
    [
        *((address, True) for address in ("127.0.0.1", "127.9.9.9", "10.0.0.7", "172.31.0.1", "192.168.1.1", "::1")),
        *((address, True) for address in ("fd00::1", "::ffff:10.1.1.1")),
        *((address, False) for address in ("8.8.8.8", "172.32.0.1", "169.254.169.254", "192.0.2.1")),
        *((address, False) for address in ("2001:db8::1", "fe80::1%eth0", "::ffff:8.8.8.8", "100.64.0.1")),
    ],
)
def test_only_addresses_of_this_machine_and_private_networks_are_private(address, private):
    assert is_private(address) == private


@pytest.mark.parametrize("found", [["8.8.8.8"], ["127.0.0.1", "8.8.8.8"], ["169.254.169.254"]])
def test_other_addresses_need_the_switch(server, monkeypatch, found):
    answers = [(0, 0, 0, "", (address, 0)) for address in found]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_: answers)
    with pytest.raises(ModelError, match="outside this machine and private networks"):
        ask(client(server))
    with pytest.raises(ModelError, match="would cross the internet unencrypted"):
        ask(client(server, allow_remote=True))
    secure = server.url.replace("http:", "https:")
    assert client(server, url=secure, allow_remote=True).addresses() == found
    assert server.bodies == []


def test_unknown_name_is_an_error(server, monkeypatch):
    def nothing(*_):
        raise module.socket.gaierror

    monkeypatch.setattr(module.socket, "getaddrinfo", nothing)
    with pytest.raises(ModelError, match=r"the host name '127\.0\.0\.1' has no IP address"):
        client(server).check()


def test_aborted_request_ends_at_once(server):
    made, stopped = client(server, timeout=60.0), Event()

    def slow(_):
        stopped.set()
        made.abort()
        time.sleep(0.2)
        return 200, {}

    server.answer = slow
    start = time.monotonic()
    with pytest.raises(ModelError, match="does not answer"):
        made.chat(MESSAGES, stopped, seed=1)
    assert time.monotonic() - start < 5
    assert json.dumps(sorted(map(str, made.connections))) == "[]"

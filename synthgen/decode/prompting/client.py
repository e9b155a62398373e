"""Send chat requests with the OpenAI API to the server of a language model; by default, only to private addresses.

`http.client` follows no redirect and uses no proxy, so a prompt reaches only the configured address.
"""

import contextlib
import ipaddress
import json
import math
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from synthgen.core.errors import ConfigError, ModelError
from synthgen.decode.config import EndpointConfig

MAX_BYTES = 1 << 24  # largest size of an answer in bytes
RETRY_SECONDS = 120  # a request without an answer is repeated for this time; the server may be loading its model
FIRST_WAIT, LONGEST_WAIT = 0.5, 8  # first and longest wait in seconds before a request is repeated
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP status codes after which a request is repeated
CONNECT_SECONDS = 5  # longest time in seconds to wait for a connection
_RESUME = "Finished texts are kept; run the same command to continue, if necessary with another decode.endpoint.url."
# signs of a too long prompt in a server's error message; the message is not shown, because it can quote the prompt
_TOO_LONG = ("context length", "context size", "context window", "maximum context", "context_length", "max_model_len")


class _Busy(Exception):  # noqa: N818 - named after the state of the server
    """No usable answer came, so the request can be sent again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request."""

    text: str
    is_cut: bool  # whether the text ended at the token limit


@dataclass(frozen=True, slots=True)
class Client:
    """A client of one server; several threads can use it at once.

    Privacy: prompts and the API key are sent to the configured address only. No error message contains a prompt, a
        text or the key.
    """

    config: EndpointConfig
    connections: set[HTTPConnection] = field(default_factory=set, compare=False)  # connections of running requests

    def abort(self) -> None:
        """Close the connections of all requests in progress; `chat` then treats these requests as unanswered."""
        for connection in tuple(self.connections):
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Check that the server answers and offers the model.

        Raises:
            ConfigError: the environment variable for the API key holds no valid key.
            ModelError: the address is not allowed (see `addresses`), or the server does not answer, refuses
                access, redirects, or does not offer the model.
        """
        self._key()
        greeting = [{"role": "user", "content": "Hello."}]
        body = {"model": self.config.model, "messages": greeting, "max_tokens": 1, "stream": False}
        try:
            status, reply = self._send("GET", "/models", None)
            if status in {401, 403}:
                raise self._refused(status)
            names = _model_names(reply) if status == 200 else []
            # a server may list only some of its models, so a greeting is sent to a model that is not listed
            is_served = self.config.model in names or self._post(body)[0] == 200
        except _Busy as busy:
            raise self._unreachable(str(busy)) from None
        if not is_served:
            raise ModelError(
                f"decode.endpoint.model: the server at {self.config.url} has no model {self.config.model!r}",
                problems=[f"the server offers {name!r}" for name in names[:20]],
                hint="Set decode.endpoint.model to the name of a model on this server, and check "
                "decode.endpoint.url, which usually ends in /v1.",
            )

    def _post(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        return self._send("POST", "/chat/completions", json.dumps(body).encode())

    def chat(self, messages: Sequence[Mapping[str, str]], stopped: Event, **settings: float) -> Answer:
        """Return the answer to a conversation; `settings` are fields of the request such as `temperature`.

        A request without an answer is repeated for at most `RETRY_SECONDS` seconds, or until `stopped` is set.

        Raises:
            ModelError: no usable answer came, or the server rejects the request.
        """
        body = {"model": self.config.model, "messages": list(messages), "stream": False, "n": 1, **settings}
        wait, end = FIRST_WAIT, math.inf
        while True:
            try:
                return self._answer(*self._post(body))
            except _Busy as busy:
                end = min(end, time.monotonic() + RETRY_SECONDS)  # counted from the first failure
                if time.monotonic() + wait > end or stopped.wait(wait):
                    raise self._unreachable(str(busy)) from None
                wait = min(2 * wait, LONGEST_WAIT)

    def _answer(self, status: int, reply: Any) -> Answer:
        if status in {401, 403}:
            raise self._refused(status)
        if status != 200:
            problem = json.dumps(reply).casefold()
            if any(part in problem for part in _TOO_LONG):
                hint = "Lower decode.max_new_tokens, shorten decode.template or decode.examples, or start the server"
                message = (
                    f"decode.endpoint: a prompt and its answer are too long for the context of {self.config.model!r}"
                )
                raise ModelError(message, hint=f"{hint} with a longer context.")
            if status == 404:
                missing = f"{self.config.url} has no chat interface or no model {self.config.model!r} (status 404)"
                hint = "Check decode.endpoint.url, which usually ends in /v1, and decode.endpoint.model."
                raise ModelError(f"decode.endpoint: {missing}", hint=hint)
            hint = f"The log of the server states the reason. {_RESUME}"
            raise ModelError(f"decode.endpoint: the server rejects a request for a text (status {status})", hint=hint)
        try:
            choice = reply["choices"][0]
            text, reason = choice["message"]["content"], choice.get("finish_reason")
        except (TypeError, KeyError, IndexError, AttributeError):
            text, reason = 0, None  # 0 is not a text, so the next check raises an error
        if not isinstance(text, str | None):
            message = f"decode.endpoint: the answer of {self.config.url} does not have the format of the OpenAI API"
            raise ModelError(message, hint="Check decode.endpoint.url, which usually ends in /v1.")
        return Answer(text or "", is_cut=reason == "length")

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        # returns the status and the JSON value of the reply; the value is None if the reply is not valid JSON
        parts = urlsplit(self.config.url)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if (key := self._key()) is not None:
            headers["Authorization"] = f"Bearer {key}"
        connection = self._connect()
        self.connections.add(connection)
        try:
            connection.request(method, f"{parts.path.rstrip('/')}{path}", body=body, headers=headers)
            # `with` closes the response; `connection.close` does not close the socket of an HTTP/1.0 response
            with connection.getresponse() as response:
                raw = response.read(MAX_BYTES + 1)
        except TimeoutError:
            raise _Busy(f"no answer within {self.config.timeout:g} seconds") from None
        except (OSError, HTTPException) as error:
            raise _Busy(f"the connection broke ({type(error).__name__})") from None
        finally:
            self.connections.discard(connection)
            connection.close()
        if len(raw) > MAX_BYTES:
            raise ModelError(f"decode.endpoint: an answer of {self.config.url} has more than {MAX_BYTES >> 20} MiB")
        # some servers answer a too long prompt with the status 500
        is_rejected = response.status == 500 and any(part.encode() in raw.lower() for part in _TOO_LONG)
        if response.status in BUSY and not is_rejected:
            raise _Busy(f"status {response.status}")
        if 300 <= response.status < 400:
            message = (
                f"decode.endpoint: {self.config.url} redirects to another address, and redirects are not followed"
            )
            raise ModelError(message, hint="Set decode.endpoint.url to the final address.")
        try:
            return response.status, json.loads(raw)
        except ValueError:
            return response.status, None

    def _connect(self) -> HTTPConnection:
        # the host name is looked up only once, so the connection goes to an address that `addresses` has checked
        parts = urlsplit(self.config.url)
        host = parts.hostname or ""
        kind, default_port = (HTTPSConnection, 443) if parts.scheme == "https" else (HTTPConnection, 80)
        port, timeout = parts.port or default_port, self.config.timeout
        connection: HTTPConnection = kind(host, port, timeout=timeout)
        error: OSError | None = None
        for address in self.addresses():
            try:
                channel = socket.create_connection((address, port), timeout=min(CONNECT_SECONDS, timeout))
            except OSError as failed:
                error = failed
                continue
            channel.settimeout(timeout)
            try:
                if parts.scheme == "https":
                    channel = ssl.create_default_context().wrap_socket(channel, server_hostname=host)
            except OSError as failed:
                channel.close()
                if not isinstance(failed, ssl.SSLError):
                    raise _Busy("the secure connection broke") from None
                hint = "Trust the server's certificate on this machine, or use http in a private network."
                message = f"decode.endpoint: no secure connection to {self.config.url} ({failed.reason})"
                raise ModelError(message, hint=hint) from None
            connection.sock = channel
            return connection
        raise _Busy(
            "the connection was refused" if isinstance(error, ConnectionRefusedError) else "no connection is possible"
        )

    def addresses(self) -> list[str]:
        """Return the IP addresses of the server.

        Raises:
            ModelError: the name is unknown, or an address outside this machine and private networks is used without
                `allow_remote` or without https.
        """
        host = urlsplit(self.config.url).hostname or ""
        try:
            ips = list(dict.fromkeys(str(item[4][0]) for item in socket.getaddrinfo(host, None)))
        except (OSError, UnicodeError) as error:
            if getattr(error, "errno", None) == socket.EAI_AGAIN:
                raise _Busy("the name of the server cannot be looked up now") from None
            hint = "Correct the host name."
            raise ModelError(f"decode.endpoint.url: the host name {host!r} has no IP address", hint=hint) from None
        are_private = all(map(is_private, ips))
        if not are_private and not self.config.allow_remote:
            raise ModelError(
                f"decode.endpoint.url: {host!r} is outside this machine and private networks, so prompts would leave "
                "the institution",
                hint="Use a server in your own network. To send prompts to this address, set "
                "decode.endpoint.allow_remote: true; every policy for external release rejects this setting.",
            )
        if not are_private and urlsplit(self.config.url).scheme != "https":
            hint = "Use an address that starts with https."
            message = "decode.endpoint.url: prompts and the key would cross the internet unencrypted"
            raise ModelError(message, hint=hint)
        return ips

    def _key(self) -> str | None:
        name = self.config.key_env
        if name is None:
            return None
        key = os.environ.get(name, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            fault = "has a character that is not printable ASCII" if key else "is not set or is empty"
            message = f"decode.endpoint.key_env: the environment variable {name} {fault}"
            raise ConfigError(message, hint="Set the variable to the API key of the server.")
        return key

    def _refused(self, status: int) -> ModelError:
        hint = "Set decode.endpoint.key_env to the environment variable that holds the API key, and check the key."
        message = f"decode.endpoint: the server at {self.config.url} refuses access (status {status})"
        return ModelError(message, hint=hint)

    def _unreachable(self, why: str) -> ModelError:
        server = f"decode.endpoint: the server at {self.config.url}"
        if why.startswith("status"):
            hint = f"The log of the server states the reason, for example a model without a chat template. {_RESUME}"
            return ModelError(f"{server} answers with an error ({why})", hint=hint)
        hint = f"Start the server, or correct decode.endpoint.url. {_RESUME}"
        return ModelError(f"{server} does not answer: {why}", hint=hint)


def is_private(address: str) -> bool:
    """Return whether an IP address belongs to this machine or to a private network (RFC 1918, RFC 4193)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    networks = _PRIVATE_6 if isinstance(ip, ipaddress.IPv6Address) else _PRIVATE_4
    return any(ip in network for network in networks)


# `ip.is_private` would accept more addresses, such as the link-local addresses of a cloud's metadata services
_PRIVATE_4 = [ipaddress.ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
_PRIVATE_6 = [ipaddress.ip_network(text) for text in ("::1/128", "fc00::/7")]


def _model_names(reply: Any) -> list[str]:
    try:
        return [str(item["id"]) for item in reply["data"]]
    except (TypeError, KeyError):
        return []

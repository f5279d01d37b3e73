"""One chat completion over the wire that most servers of language models speak.

1. The answer is streamed. It counts when its end has come (``[DONE]``): half an answer is none.
2. Who is told to wait (429 or 503 with ``Retry-After``) waits, ``WAITS_MAX`` times, not beyond the
   deadline. Every other failure that may pass ends the program with status 75: whether there
   is another try is for the pipeline to say (``retry:``).
3. The key travels over TLS only, or to this machine.
4. What a server does not count is estimated, and said to be so.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

from contract import give_up, say

ANSWER_CHARACTERS_MAX = 1 << 20
LINE_BYTES_MAX = 1 << 18
TOOLS_ASKED_MAX = 100  # in one answer
WAITS_MAX = 5
SILENCE_S = 60.0
PROGRESS_S = 1.0
CHARACTERS_A_TOKEN = 3  # of English text nearer to four: an estimate should not fall short
_HERE = ("localhost", "127.0.0.1", "::1")
_LATER = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_TOLD_MAX = 300


@dataclass(frozen=True)
class ToolAsked:
    """A tool that a model asks for, in its words."""

    id: str
    name: str
    arguments: str  # JSON, or what the model takes for it


@dataclass(frozen=True)
class Completion:
    """What a model answered."""

    text: str
    end: str  # why it stopped: "stop", "length", …
    model: str
    tokens_in: int
    tokens_out: int
    estimated: bool
    tools: tuple[ToolAsked, ...] = ()


class Endpoint:
    """A server, and how it is asked."""

    def __init__(self, url: str, key: str, deadline: float) -> None:
        self._url = urlsplit(url)
        self._key = key
        self._deadline = deadline
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            give_up(f"input `endpoint`: expected https://host/…, got {url[:_TOLD_MAX]!r}")
        # (3) TLS, or this machine
        if key and self._url.scheme == "http" and self._url.hostname not in _HERE:
            give_up("input `endpoint`: the key would travel in clear: use https")

    def complete(self, body: dict[str, Any]) -> Completion:
        """Return the answer to ``body``, a request as JSON."""
        waits = 0
        while True:
            connection, answer = self._post(body)
            with closing(connection):
                if answer.status == http.HTTPStatus.OK:
                    return self._read(answer, body)
                wait_s = _asked_to_wait(answer)
                if wait_s is None or waits == WAITS_MAX or time.time() + wait_s >= self._deadline:
                    self._refuse(answer)
            say("progress", message=f"asked to wait {wait_s:.0f} s")
            time.sleep(wait_s)  # (2) told to wait
            waits += 1

    def _post(
        self, body: dict[str, Any]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        host, timeout_s = self._url.hostname or "", self._left_s()
        if self._url.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, self._url.port, timeout=timeout_s, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(host, self._url.port, timeout=timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        path = f"{self._url.path.rstrip('/')}/chat/completions"
        try:
            connection.request("POST", path, json.dumps(body).encode(), headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            hint = f"; is port {connection.port} in config.sandbox.tcp?"
            denied = isinstance(error, PermissionError)
            later(f"{host} does not answer: {error}{hint if denied else ''}")

    def _read(self, answer: http.client.HTTPResponse, body: dict[str, Any]) -> Completion:
        kind = answer.headers.get_content_type()
        if kind != "text/event-stream":
            give_up(f"{self._url.hostname} answers with {kind}: is `endpoint` one of completions?")
        heard = _Heard(self._deadline)
        try:
            for chunk in _chunks(answer):
                heard.take(chunk)
        except (OSError, http.client.HTTPException) as error:
            later(f"the answer was cut after {len(heard.text)} characters: {error}")
        except (ValueError, TypeError, AttributeError) as error:
            later(f"the stream cannot be read: {str(error)[:_TOLD_MAX]}")
        asked = len(json.dumps(body["messages"]))
        return Completion(
            heard.text,
            heard.end,
            heard.model,
            heard.usage.get("prompt_tokens") or asked // CHARACTERS_A_TOKEN,
            heard.usage.get("completion_tokens") or len(heard.text) // CHARACTERS_A_TOKEN,
            estimated="completion_tokens" not in heard.usage,  # (4) estimated, and said so
            tools=heard.tools(),
        )

    def _refuse(self, answer: http.client.HTTPResponse) -> NoReturn:
        said = _sentence(answer.read(LINE_BYTES_MAX))
        message = f"{self._url.hostname} answers with status {answer.status}: {said}"
        if answer.status in _LATER:
            later(message)
        if answer.status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            give_up(f"{message} (the key is secret LLM_API_KEY)", os.EX_CONFIG)
        give_up(message)

    def _left_s(self) -> float:
        left_s = self._deadline - time.time()
        if left_s <= 0:
            later("no time is left")
        return min(left_s, SILENCE_S)


class _Heard:
    """An answer as it arrives."""

    def __init__(self, deadline: float) -> None:
        self.text = self.end = self.model = ""
        self.usage: dict[str, int] = {}
        self._asked: dict[int, dict[str, str]] = {}  # tools, by their place in the answer
        self._deadline = deadline
        self._told = time.monotonic()

    def take(self, chunk: dict[str, Any]) -> None:
        """Take the next chunk."""
        self.model = chunk.get("model") or self.model
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices", ())[:1]:
            delta = choice.get("delta", {})
            self.text += delta.get("content") or ""
            for part in delta.get("tool_calls") or ():
                self._take_tool(part)
            self.end = choice.get("finish_reason") or self.end
        size = len(self.text) + sum(len(each["arguments"]) for each in self._asked.values())
        if size > ANSWER_CHARACTERS_MAX or len(self._asked) > TOOLS_ASKED_MAX:
            give_up(
                f"the answer has more than {ANSWER_CHARACTERS_MAX} characters, or asks for more "
                f"than {TOOLS_ASKED_MAX} tools"
            )
        if time.monotonic() - self._told > PROGRESS_S:
            self._told = time.monotonic()
            say("progress", message=f"{len(self.text)} characters")
        if time.time() >= self._deadline:
            later("the answer did not end in time")

    def _take_tool(self, part: dict[str, Any]) -> None:
        """Take a piece of a tool that is asked for: its arguments come in parts."""
        found = self._asked.setdefault(
            int(part.get("index", 0)), {"id": "", "name": "", "arguments": ""}
        )
        function = part.get("function") or {}
        found["id"] = part.get("id") or found["id"]
        found["name"] += function.get("name") or ""
        found["arguments"] += function.get("arguments") or ""

    def tools(self) -> tuple[ToolAsked, ...]:
        """Return the tools that are asked for, in order."""
        return tuple(ToolAsked(**self._asked[place]) for place in sorted(self._asked))


def later(message: str) -> NoReturn:
    """End: it may work another time (2)."""
    give_up(message, os.EX_TEMPFAIL)


def _chunks(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a stream until its end; raise when it was cut (1)."""
    while line := answer.readline(LINE_BYTES_MAX):
        if not line.startswith(b"data:"):
            continue  # comments, names of events
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        chunk = json.loads(data)
        if "error" in chunk:
            raise ValueError(_sentence(data))
        yield chunk
    raise ConnectionError("the stream has no end")


def _asked_to_wait(answer: http.client.HTTPResponse) -> float | None:
    """Return for how many seconds the server asks; None: it does not (2)."""
    header = answer.headers.get("Retry-After")
    if header is None or answer.status not in (429, 503):
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def _sentence(data: bytes) -> str:
    """Return what an error says, wherever a server puts that."""
    text = data.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(text.split())[:_TOLD_MAX]

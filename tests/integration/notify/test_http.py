"""Whatever a service answers, however it breaks off, is one of our errors and never a traceback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dsl.notify.destinations import WebhookDestination
from dsl.rules.notify.changes import changes
from dsl.rules.notify.snapshot import RunSnapshot
from integrations.errors import DeniedError, NotFoundError, UnavailableError
from integrations.notify import http
from integrations.notify.http import HttpAnswer, ask, require_taken
from integrations.notify.webhook import WebhookChannel


@contextmanager
def answering(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection that answers by hand."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(65_536)
                say(taken)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(30)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nxxxxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ],
    ids=["short", "no gzip", "no chunk", "nonsense", "nothing"],
)
def test_an_answer_that_breaks_off_is_an_outage(raw: bytes):
    with answering(lambda taken: taken.sendall(raw)) as url, pytest.raises(UnavailableError):
        ask("GET", url, who="it", headers={})


def test_an_answer_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "WHOLE_S", 0.3)
    ended = threading.Event()

    def trickle(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not ended.wait(0.05):
                taken.sendall(b"x")
        except OSError:
            pass

    began = time.monotonic()
    with answering(trickle) as url:
        with pytest.raises(UnavailableError, match="does not end its answer"):
            ask("GET", url, who="it", headers={})
        ended.set()
    assert time.monotonic() - began < http.WITHIN_S


def test_a_whole_answer_is_read_in_whatever_form_it_comes():
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with answering(lambda taken: taken.sendall(body)) as url:
        assert ask("GET", url, who="it", headers={}).body == b"abcde"


def test_what_is_missing_is_told_apart_from_what_is_refused():
    with pytest.raises(NotFoundError):
        require_taken(HttpAnswer(404, {}, b""), "it")
    with pytest.raises(DeniedError):
        require_taken(HttpAnswer(403, {}, b""), "it")


async def test_an_address_that_is_none_is_one_sentence_without_it(tmp_path):
    (tmp_path / "url").write_text("https://[T0K3N/")
    (tmp_path / "secret").write_text("s" * 32)
    where = WebhookDestination(url_file=f"{tmp_path}/url", secret_file=f"{tmp_path}/secret")
    run = RunSnapshot(workflow="w", run="r", status="completed", ended=True)
    [event] = changes(None, run)
    with pytest.raises(DeniedError, match="is none: write it anew") as caught:
        await WebhookChannel("hook", where).deliver(event, run, {}, again=False)

    assert "T0K3N" not in str(caught.value)

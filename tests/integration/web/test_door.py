"""What every request comes through: names, headers, rates, and a bug that tells nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from integrations.errors import UnavailableError
from integrations.web import door, serving
from integrations.web.app import make_app
from integrations.web.door import REQUEST_RATE
from integrations.web.serving import listen
from tests.fixtures.servers.http import Place, place_of, read_reply
from tests.fixtures.servers.valkey import free_port


async def echo(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.path} {request.query_params.get('q', '')}")


async def broken(_request: Request) -> Response:
    raise ValueError("with what was sent: hunter2")


@pytest_asyncio.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(serving, "KEEP_ALIVE_S", 1)  # of who sends nothing more
    port = free_port()
    routes = [Route("/echo/{path:path}", echo, methods=["GET", "POST"]), Route("/broken", broken)]
    hosts = [f"127.0.0.1:{port}", f"localhost:{port}", "mandate.example.org"]
    async with place_of(make_app(routes=routes, hosts=hosts), port) as found:
        yield found


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "",
        "127.0.0.1:{port}.evil.example",
        "::1",
        "\xff",
    ],
)
async def test_a_name_that_is_not_ours_is_not_served(place: Place, host: str):
    reply = await place.ask("GET", "/live", headers={"Host": host.format(port=place.port)})

    assert reply.status in (400, 421)
    assert (await place.ask("GET", "/live")).status == 200


@pytest.mark.parametrize("host", ["LOCALHOST:{port}", "mandate.example.org"])
async def test_a_name_of_ours_is(place: Place, host: str):
    reply = await place.ask("GET", "/live", headers={"Host": host.format(port=place.port)})

    assert reply.status == 200


HOSTILE = {
    "two hosts": b"GET /live HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET /live HTTP/1.1\r\n\r\n",
    "two lengths": b"POST /echo/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nxx",
    "no length": b"POST /echo/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: x\r\n\r\n",
    "a negative length": b"POST /echo/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n",
    "two origins": b"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: a\r\nOrigin: b\r\n\r\n",
    "an encoding of one's own": b"POST /echo/ HTTP/1.1\r\nHost: {host}\r\n"
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a folded header": b"GET /live HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\x00\r\n\r\n",
    "a name with a blank": b"GET /live HTTP/1.1\r\nHost : {host}\r\n\r\n",
    "no path": b"GET live HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a whole address": b"GET http://evil.example/live HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "another protocol": b"HELO there\r\n\r\n",
    "a head without end": b"GET /live HTTP/1.1\r\nHost: {host}\r\nX: "
    + b"x" * 70_000
    + b"\r\n\r\n",
    "an address without end": b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "no ascii in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: {host}\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_request_that_two_read_in_two_ways_is_turned_away(place: Place, name: str):
    reply = await place.raw(HOSTILE[name].replace(b"{host}", place.host.encode()))

    assert 400 <= reply.status < 500
    assert (await place.ask("GET", "/live")).status == 200


async def test_whatever_is_answered_carries_what_keeps_it_apart(place: Place):
    for path in ("/live", "/nothing", "/broken", "/echo/x"):
        reply = await place.ask("GET", path)

        assert reply.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["cache-control"] == "no-store"
        assert "server" not in reply.headers


async def test_a_bug_is_said_to_be_one_and_tells_nothing_of_what_was_sent(
    place: Place, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.ERROR)

    reply = await place.ask("GET", "/broken")

    assert reply.status == 500
    assert b"hunter2" not in reply.body
    assert "ValueError is a bug of ours" in caplog.text
    assert "hunter2" not in caplog.text


async def test_who_asks_too_often_is_told_when_to_ask_again(monkeypatch: pytest.MonkeyPatch):
    # A busy machine may ask no more often than it may ask in the long run.
    monkeypatch.setattr(door, "REQUEST_RATE", replace(REQUEST_RATE, per_s=1.0))
    port, found = free_port(), list[int]()
    async with place_of(make_app(routes=[], hosts=[f"127.0.0.1:{port}"]), port) as asked:
        while 429 not in found:
            replies = await asyncio.gather(*(asked.ask("GET", "/live") for _ in range(50)))
            found += [each.status for each in replies]

    assert found.count(200) >= REQUEST_RATE.burst


async def test_a_port_that_is_taken_is_said_to_be(place: Place):
    with pytest.raises(UnavailableError, match="give another --port"):
        listen("127.0.0.1", place.port)


@pytest.mark.parametrize("begun", [b"", b"GET /live HTTP/1.1\r\nHost: "])
@pytest.mark.parametrize("is_next", [False, True], ids=["first", "next"])
async def test_who_sends_no_whole_head_is_waited_for_no_longer(
    place: Place, monkeypatch: pytest.MonkeyPatch, begun: bytes, *, is_next: bool
):
    monkeypatch.setattr(serving, "HEAD_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    if is_next:
        writer.write(f"GET /live HTTP/1.1\r\nHost: {place.host}\r\n\r\n".encode())
        assert (await read_reply(reader)).status == 200
    writer.write(begun)
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()


async def test_a_slow_answer_is_no_slow_head(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "HEAD_S", 0.05)
    port = free_port()

    async def slow(_request: Request) -> Response:
        await asyncio.sleep(0.5)  # ten times as long as a head may take
        return PlainTextResponse("well")

    app = make_app(routes=[Route("/slow", slow)], hosts=[f"127.0.0.1:{port}"])
    async with place_of(app, port) as found:
        assert (await found.ask("GET", "/slow")).text == "well"

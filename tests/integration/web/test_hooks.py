"""What other systems tell us: proven, in time, once, and of a size; all else is turned away."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.doors.payloads import UnreadableError
from integrations.errors import DeniedError, NotFoundError, UnavailableError
from integrations.web import bodies
from integrations.web import hooks as room
from integrations.web.answers import HookAnswer, TurnedAwayError
from integrations.web.app import make_app
from integrations.web.hooks import HOOK_BYTES_MAX, Hook, Received
from integrations.web.signatures import WINDOW_S, HmacSignature
from tests.fixtures.servers.http import SECRET, Place, Reply, place_of, signed
from tests.fixtures.servers.valkey import free_port
from tests.integration.stack.probes import eventually

DOCS = Path(__file__).parents[3] / "docs"
BODY = b'{"action": "requested"}'
FAILURES = {
    "away": (UnavailableError("temporal is away"), 503),
    "unknown": (NotFoundError("there is no such run"), 404),
    "denied": (DeniedError("not you"), 403),
    "unreadable": (UnreadableError("expected a button"), 400),
    "busy": (TurnedAwayError(429, "later", retry_after_s=7), 429),
}


@dataclass
class Told:
    """A system that was told something."""

    received: list[Any] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    proceed: asyncio.Event = field(default_factory=asyncio.Event)
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    stuck: set[str] = field(default_factory=set)

    async def handle(self, received: Received) -> HookAnswer:
        try:
            said = strict_json.read(received.raw, bytes_max=HOOK_BYTES_MAX)
        except JsonError as error:
            raise TurnedAwayError(400, f"expected JSON: {error}") from None
        if not isinstance(said, dict):
            raise TurnedAwayError(400, "expected an object")
        if said.get("fails") in self.failing:
            raise self.failing.pop(said["fails"])
        if said.get("waits"):
            self.entered.set()
            await self.proceed.wait()
        self.received.append(said)
        if said.get("in vain"):
            return HookAnswer(again=True)
        if said.get("undone"):
            return HookAnswer(503, {"error": "not now"}, later=lambda: self.note("told of it"))
        return HookAnswer(later=lambda: self.note(received.delivery))

    async def note(self, delivery: str) -> None:
        if delivery in self.failing:
            self.failed.set()
            raise self.failing.pop(delivery)
        if delivery in self.stuck:
            self.stuck.remove(delivery)
            await asyncio.Event().wait()
        self.later.append(delivery)


@dataclass
class Hooked:
    place: Place
    told: Told

    async def deliver(self, body: bytes = BODY, delivery: str = "d-1", **headers: str) -> Reply:
        given = {"x-github-delivery": delivery, "x-hub-signature-256": signed(body)}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.place.ask("POST", "/hooks/github", body, {**given, **named})


@pytest_asyncio.fixture
async def hooked() -> AsyncIterator[Hooked]:
    told, port = Told(), free_port()
    github = HmacSignature(SECRET, "x-hub-signature-256", "sha256=")
    slack = HmacSignature(
        SECRET, "x-slack-signature", "v0=", stamp="x-slack-request-timestamp", base="v0:{}:"
    )
    hooks = [
        Hook("/hooks/github", github.verify, told.handle, delivery="x-github-delivery"),
        Hook("/hooks/slack", slack.verify, told.handle),
    ]
    async with place_of(make_app(hooks=hooks, hosts=[f"127.0.0.1:{port}"]), port) as place:
        yield Hooked(place, told)


async def test_what_is_signed_is_taken_once_and_its_rest_is_done_later(hooked: Hooked):
    first = await hooked.deliver()
    again = await hooked.deliver()

    assert (first.status, first.json) == (202, {"ok": True})
    assert (again.status, again.json) == (200, {"ok": True, "repeated": True})
    assert hooked.told.received == [{"action": "requested"}]
    assert hooked.told.later == ["d-1"]


async def test_what_has_waited_longest_is_given_up_for_what_comes_and_may_come_again(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "LATER_MAX", 1)
    hooked.told.stuck = {"d-1"}
    first = await hooked.deliver(b'{"first": 1}', "d-1")
    second = await hooked.deliver(b'{"second": 2}', "d-2")
    await eventually(lambda: hooked.told.later == ["d-2"])
    again = await hooked.deliver(b'{"first": 1}', "d-1")
    await eventually(lambda: hooked.told.later == ["d-2", "d-1"])

    assert [each.status for each in (first, second, again)] == [202, 202, 202]
    assert "repeated" not in again.json


async def test_a_body_is_no_new_delivery_because_its_header_says_so(hooked: Hooked):
    await hooked.deliver(delivery="d-1")

    replayed = await hooked.deliver(delivery="d-2")

    assert replayed.json["repeated"] is True
    assert len(hooked.told.received) == 1


async def test_who_delivers_while_it_is_worked_on_is_told_so(hooked: Hooked):
    body = b'{"waits": true}'
    first = asyncio.create_task(hooked.deliver(body))
    await hooked.told.entered.wait()
    second = await hooked.deliver(body)
    hooked.told.proceed.set()

    assert (second.status, second.headers["retry-after"]) == (409, "1")
    assert (await first).status == 202
    assert hooked.told.received == [{"waits": True}]


@pytest.mark.parametrize("kind", FAILURES)
async def test_what_is_not_done_says_why_and_may_come_again(hooked: Hooked, kind: str):
    error, status = FAILURES[kind]
    hooked.told.failing[kind] = error
    body = b'{"fails": "' + kind.encode() + b'"}'

    first, again = await hooked.deliver(body), await hooked.deliver(body)

    assert (first.status, first.json["error"]) == (status, str(error))
    assert (again.status, again.json) == (202, {"ok": True})  # it was mended


async def test_of_what_nothing_came_may_come_again(hooked: Hooked):
    replies = [await hooked.deliver(b'{"in vain": true}') for _ in range(2)]

    assert [(each.status, each.json) for each in replies] == [(202, {"ok": True})] * 2
    assert len(hooked.told.received) == 2


async def test_what_was_not_done_is_told_of_and_may_come_again(hooked: Hooked):
    replies = [await hooked.deliver(b'{"undone": true}') for _ in range(2)]

    assert [(each.status, each.headers["retry-after"]) for each in replies] == [(503, "5")] * 2
    assert hooked.told.later == ["told of it"] * 2


async def test_what_was_put_off_and_failed_may_be_delivered_again(hooked: Hooked):
    hooked.told.failing["d-1"] = UnavailableError("temporal is away")
    await hooked.deliver()
    await hooked.told.failed.wait()

    assert (await hooked.deliver()).status == 202
    assert hooked.told.later == ["d-1"]


def slack_headers(body: bytes, at: int | str) -> dict[str, str]:
    mac = hmac.new(SECRET, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": str(at), "x-slack-signature": f"v0={mac}"}


async def test_what_was_put_off_is_not_under_way_for_good(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "LATER_S", 0.05)
    hooked.told.stuck.add("d-1")
    first = await hooked.deliver()
    async with asyncio.timeout(60):
        while (await hooked.deliver()).json.get("repeated"):  # noqa: ASYNC110 - it ends by itself
            await asyncio.sleep(0.01)

    assert first.status == 202
    async with asyncio.timeout(60):
        while hooked.told.later != ["d-1"]:  # noqa: ASYNC110 - it is done behind the answer
            await asyncio.sleep(0.01)


async def test_a_time_that_is_signed_has_to_be_now(hooked: Hooked):
    now = int(time.time())

    async def status(at: int | str, body: bytes) -> int:
        headers = slack_headers(body, at)
        return (await hooked.place.ask("POST", "/hooks/slack", body, headers)).status

    assert await status(now, b'{"n": 1}') == 202
    assert await status(now - WINDOW_S - 60, b'{"n": 2}') == 401
    assert await status(now + WINDOW_S + 60, b'{"n": 3}') == 401
    for stamp in ("abc", "", "-1", "1e3", "٣", "9" * 400):
        headers = {
            name: value.encode().decode("latin-1")
            for name, value in slack_headers(b"{}", stamp).items()
        }
        reply = await hooked.place.ask("POST", "/hooks/slack", b"{}", headers)
        assert reply.status == 401


HOSTILE: dict[str, tuple[bytes, dict[str, str], int]] = {
    "no signature": (BODY, {"x-hub-signature-256": ""}, 401),
    "of another secret": (BODY, {"x-hub-signature-256": signed(BODY, b"x" * 20)}, 401),
    "of another body": (BODY, {"x-hub-signature-256": signed(BODY + b" ")}, 401),
    "the old scheme": (BODY, {"x-hub-signature-256": "sha1=" + "0" * 40}, 401),
    "no ascii in the signature": (BODY, {"x-hub-signature-256": "sha256=\xe9\xff"}, 401),
    "a signature without end": (BODY, {"x-hub-signature-256": "sha256=" + "0" * 9_000}, 401),
    "not utf-8": (b"\xff\xfe{}", {}, 400),
    "not json": (b"{'a': 1}", {}, 400),
    "a key twice": (b'{"a": 1, "a": 2}', {}, 400),
    "not an object": (b"[1]", {}, 400),
    "nested": (b"[" * 100_000, {}, 400),
    "a number beyond": (b'{"a": 1e999}', {}, 400),
    "half of a pair": (b'{"a": "\\ud800"}', {}, 400),
    "nothing": (b"", {}, 400),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_delivery_is_turned_away_in_one_sentence(hooked: Hooked, name: str):
    body, headers, status = HOSTILE[name]
    given = {key.replace("-", "_"): value for key, value in headers.items()}

    reply = await hooked.deliver(body, **given)

    assert reply.status == status
    assert set(reply.json) == {"error"}
    assert reply.headers["content-type"] == "application/json"
    assert hooked.told.received == []
    assert (await hooked.deliver(b'{"well": 1}', "d-9")).status == 202


async def test_ten_megabytes_are_not_read(hooked: Hooked):
    said = await hooked.place.raw(
        f"POST /hooks/github HTTP/1.1\r\nHost: {hooked.place.host}\r\n"
        "Content-Length: 10485760\r\n\r\n".encode()
    )

    assert said.status == 413


async def test_nor_where_nobody_said_how_many_come(hooked: Hooked):
    head = (
        f"POST /hooks/github HTTP/1.1\r\nHost: {hooked.place.host}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    ).encode()
    part = b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    assert (await hooked.place.raw(head + part * 20)).status == 413


async def test_another_method_or_address_is_none(hooked: Hooked):
    assert (await hooked.place.ask("GET", "/hooks/github")).status == 405
    assert (await hooked.place.ask("POST", "/hooks/nobody", BODY)).status == 404
    assert (await hooked.place.ask("POST", "/hooks/github/", BODY)).status == 404


def test_a_secret_of_nothing_is_none_and_none_is_printed():
    with pytest.raises(ValueError, match="16 bytes at least"):
        HmacSignature(b"", "x", "sha256=")

    assert "secret of" not in repr(HmacSignature(SECRET, "x", "sha256="))


def head(place: Place, more: str, path: str = "/hooks/github") -> bytes:
    host = "" if "Host: " in more else f"Host: {place.host}\r\n"
    return f"POST {path} HTTP/1.1\r\n{host}{more}\r\n".encode()


async def statuses(hooked: Hooked, patch: pytest.MonkeyPatch) -> AsyncIterator[Reply]:
    """Do everything that is turned away."""
    place, told = hooked.place, hooked.told
    told.failing = {kind: error for kind, (error, _) in FAILURES.items()}
    told.failing["bug"] = ValueError("hunter2")
    for kind in list(told.failing):  # 403, 404, 429, 500, 503
        yield await hooked.deliver(b'{"fails": "' + kind.encode() + b'"}')
    yield await hooked.deliver(b"{")  # 400
    yield await hooked.deliver(x_hub_signature_256="")  # 401
    yield await place.ask("GET", "/hooks/github")  # 405
    with patch.context() as soon:
        soon.setattr(bodies, "BODY_S", 0.05)
        yield await place.raw(head(place, "Content-Length: 9\r\n"))  # 408
    first = asyncio.create_task(hooked.deliver(b'{"waits": true}'))
    await told.entered.wait()
    yield await hooked.deliver(b'{"waits": true}')  # 409
    told.proceed.set()
    await first
    yield await place.raw(head(place, "Content-Length: 10485760\r\n"))  # 413
    yield await place.raw(head(place, "", "/hooks/" + "x" * 5_000))  # 414
    yield await place.raw(head(place, f"X: {'x' * 20_000}\r\n"))  # 431
    yield await place.raw(head(place, "Host: evil.example\r\n"))  # 421


async def test_the_documented_statuses_are_those_that_are_answered(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
):
    table = re.findall(r"(?m)^\| (\d{3}[\d, ]*) \| (.*) \|$", (DOCS / "console.md").read_text())
    documented = {int(each): said for row, said in table for each in row.split(", ")}
    answered = [each async for each in statuses(hooked, monkeypatch)]

    assert {each.status for each in answered} == set(documented)
    for each in answered:
        assert set(each.json) == {"error"}
        assert ("retry-after" in each.headers) == ("`Retry-After`" in documented[each.status])
        assert "hunter2" not in each.text

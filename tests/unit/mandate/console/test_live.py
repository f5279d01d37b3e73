"""Pages that move: one looks for all, each is told the newest, and the end waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

import pytest

from dsl.shown.surfaces import Html
from integrations.web.answers import TurnedAwayError
from mandate.console import live as room
from mandate.console.live import Live, Moving


class Thing:
    """Something that changes when it is told to."""

    def __init__(self) -> None:
        self.now = Moving(Html("a"))
        self.looks = 0
        self.fails = False

    async def look(self) -> Moving:
        self.looks += 1
        if self.fails:
            raise ValueError("away")
        return self.now


async def read(stream: AsyncIterable[object], words: str) -> str:
    """Read until a stream has said that."""
    said = ""
    async with asyncio.timeout(60):
        async for part in stream:
            said += str(part)
            if words in said:
                return said
    raise AssertionError(said)


async def test_one_looks_for_all_and_ends_when_nobody_looks():
    live, thing = Live(0.01), Thing()
    streams = [live.stream("run", thing.look).body_iterator for _ in range(5)]
    for each in streams:
        await read(each, '"a"')

    assert live.watchers == 1
    thing.now = Moving(Html("b"))
    for each in streams:
        await read(each, '"b"')
        await each.aclose()  # type: ignore[attr-defined]
    looks = thing.looks
    async with asyncio.timeout(60):
        while live.watchers:  # noqa: ASYNC110 - it ends by itself
            await asyncio.sleep(0.01)
    assert thing.looks <= looks + 1


async def test_what_will_not_move_any_more_says_so_and_ends():
    live, thing = Live(0.01), Thing()
    thing.now = Moving(Html("a"), is_last=True)

    said = await read(live.stream("run", thing.look).body_iterator, "event: over")

    assert 'data: "a"' in said


async def test_a_look_that_fails_leaves_what_was_seen_and_is_tried_again():
    live, thing = Live(0.01), Thing()
    stream = live.stream("run", thing.look).body_iterator
    await read(stream, '"a"')
    thing.fails, looks = True, thing.looks
    async with asyncio.timeout(60):
        while thing.looks < looks + 3:  # noqa: ASYNC110 - it looks by itself
            await asyncio.sleep(0.01)
    thing.fails, thing.now = False, Moving(Html("b"))

    await read(stream, '"b"')


async def test_too_many_are_turned_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "STREAMS_MAX", 2)
    live, thing = Live(0.01), Thing()
    for _ in range(2):
        await read(live.stream("run", thing.look).body_iterator, '"a"')

    with pytest.raises(TurnedAwayError, match="too many pages"):
        live.stream("run", thing.look)


async def test_who_may_not_look_any_more_is_told_nothing_new(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "KEEPALIVE_S", 0.05)
    live, thing, may_look = Live(0.01), Thing(), [True]
    ending = live.stream("run", thing.look, alive=lambda: may_look[0]).body_iterator
    staying = live.stream("run", thing.look).body_iterator
    for each in (ending, staying):
        await read(each, '"a"')

    may_look[0], thing.now = False, Moving(Html("b"))

    await read(staying, '"b"')
    async with asyncio.timeout(60):
        told = [str(each) async for each in ending]
    assert '"b"' not in "".join(told)


async def test_what_asks_much_is_looked_at_seldom():
    live, often, seldom = Live(0.01), Thing(), Thing()
    rare = live.stream("waiting", seldom.look, look_s=3_600).body_iterator
    await read(rare, '"a"')
    usual = live.stream("run", often.look).body_iterator
    await read(usual, '"a"')
    async with asyncio.timeout(60):
        while often.looks < 5:  # noqa: ASYNC110 - it looks by itself
            await asyncio.sleep(0.01)

    assert seldom.looks == 1
    for each in (rare, usual):
        await each.aclose()  # type: ignore[attr-defined]


async def test_at_the_end_every_stream_ends():
    live, thing = Live(0.01), Thing()
    stream = live.stream("run", thing.look).body_iterator
    await read(stream, '"a"')

    live.aclose()

    async with asyncio.timeout(60):
        assert [each async for each in stream] == []

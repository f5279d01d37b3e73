"""Whoever has voted elsewhere learns what became of it, also where they cannot be told at once."""

from __future__ import annotations

import asyncio
import logging

import pytest

from integrations.doors import telling
from integrations.doors.telling import Answers, until_told
from integrations.errors import DeniedError, IntegrationError, RateLimitedError, UnavailableError

FAILURES = {
    "away": UnavailableError("slack does not answer"),
    "refused": DeniedError("slack answers 'token_revoked'"),
    "limited": RateLimitedError("github answers 403", 0.01),
}


class Service:
    """Takes what it is told after some failures."""

    def __init__(self, *failures: IntegrationError) -> None:
        self.failures = list(failures)
        self.tries = 0
        self.tried = asyncio.Event()

    async def tell(self) -> None:
        self.tries += 1
        self.tried.set()
        if self.failures:
            raise self.failures.pop(0)


@pytest.mark.parametrize("kind", FAILURES)
async def test_what_cannot_be_told_now_is_told_later(monkeypatch: pytest.MonkeyPatch, kind: str):
    monkeypatch.setattr(telling, "WAIT_S", 0.01)
    service = Service(FAILURES[kind], FAILURES["away"])
    await until_told(service.tell)

    assert service.tries == 3


async def test_it_is_not_tried_for_good(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(telling, "TELL_FOR_S", 60.0)
    service = Service(RateLimitedError("github answers 403", 3_600), FAILURES["away"])
    with pytest.raises(RateLimitedError):
        await until_told(service.tell)

    assert service.tries == 1


async def test_what_is_refused_is_not_tried_for_as_long_as_what_is_away(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(telling, "REFUSED_FOR_S", 0.0)
    monkeypatch.setattr(telling, "WAIT_S", 0.01)
    away = Service(FAILURES["away"])
    refused = Service(FAILURES["away"], FAILURES["refused"], FAILURES["away"])
    await until_told(away.tell)
    with pytest.raises(DeniedError):
        await until_told(refused.tell)

    assert (away.tries, refused.tries) == (2, 2)


async def test_who_is_asked_to_come_back_at_once_comes_back_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(telling, "TELL_FOR_S", telling.WAIT_S / 2)
    service = Service(RateLimitedError("slack answers 429", 0.0))
    with pytest.raises(RateLimitedError):
        await until_told(service.tell)

    assert service.tries == 1


async def test_who_is_not_told_when_the_server_ends_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.WARNING)
    service = Service(RateLimitedError("github answers 403", 600))
    task = asyncio.create_task(until_told(service.tell))
    await service.tried.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert "not told what became of their vote: github answers 403" in caplog.text


async def test_of_two_answers_at_one_place_the_later_stands_whichever_comes_through_first():
    shown: list[str] = []

    async def show(words: str) -> None:
        shown.append(words)

    answers = Answers()
    earlier = answers.of("a", lambda: show("try again"))
    elsewhere = answers.of("b", lambda: show("of another"))
    later = answers.of("a", lambda: show("counted"))
    await later()
    await earlier()
    await elsewhere()

    assert shown == ["counted", "of another"]

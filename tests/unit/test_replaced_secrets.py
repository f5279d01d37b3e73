"""A secret by which others prove themselves may be replaced while they are listened to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from integrations.errors import DeniedError, IntegrationError, UnavailableError
from integrations.web import signatures
from integrations.web.answers import TurnedAwayError
from integrations.web.signatures import (
    SECRET_AGAIN_S,
    SECRET_KEPT_S,
    HmacSignature,
    ReplacedSignature,
)
from tests.fixtures.servers.http import signed

OLD, NEW = b"an old secret of ours", b"a new secret of ours!"
BODY = b"{}"


class Keeper:
    """Keeps the secret, and counts who asks; ``now`` is the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.secret: bytes | IntegrationError = OLD
        self.asked = 0
        self.hangs = False

    async def read(self) -> HmacSignature:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.secret, IntegrationError):
            raise self.secret
        return of(self.secret)


def of(secret: bytes) -> HmacSignature:
    return HmacSignature(secret, "x-hub-signature-256", "sha256=")


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def status(keeper: Keeper) -> Callable[[bytes], object]:
    """Return what becomes of a body that is signed with that secret."""
    kept = ReplacedSignature(of(OLD), keeper.read, lambda: keeper.now)

    async def status(secret: bytes) -> int:
        try:
            await kept.verify(BODY, {"x-hub-signature-256": signed(BODY, secret)})
        except TurnedAwayError as error:
            return error.status
        return 200

    return status


async def test_its_successor_is_good_at_once_and_then_the_old_one_is_not(keeper: Keeper, status):
    keeper.secret, keeper.now = NEW, SECRET_AGAIN_S
    found = [await status(each) for each in (OLD, NEW, OLD)]

    assert found == [200, 200, 401]  # nobody had asked for another when the first came


async def test_one_that_was_taken_back_is_good_for_nothing_soon(keeper: Keeper, status):
    keeper.secret, keeper.now = NEW, SECRET_KEPT_S

    assert await status(OLD) == 401


async def test_whoever_guesses_has_it_read_seldom(keeper: Keeper, status):
    for step in range(100):
        keeper.now = step * SECRET_AGAIN_S / 50
        assert await status(b"a guess of somebody") == 401

    assert keeper.asked <= 2


async def test_while_its_keeper_is_away_the_last_one_is_good(keeper: Keeper, status):
    keeper.secret, keeper.now = UnavailableError("vault does not answer"), SECRET_KEPT_S

    assert [await status(each) for each in (OLD, NEW)] == [200, 401]


async def test_while_its_keeper_hangs_the_last_one_is_good(
    keeper: Keeper, status, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(signatures, "SECRET_READ_S", 0.01)
    keeper.hangs, keeper.now = True, SECRET_KEPT_S

    assert [await status(each) for each in (OLD, NEW, OLD)] == [200, 401, 200]
    assert keeper.asked == 1
    assert "not read anew: no answer within 0.01 s" in caplog.text


async def test_where_there_is_none_any_more_nothing_is_taken_until_there_is(
    keeper: Keeper, status, caplog: pytest.LogCaptureFixture
):
    keeper.secret, keeper.now = DeniedError("the secret in /x cannot be read"), SECRET_KEPT_S
    gone = [await status(each) for each in (OLD, OLD, NEW)]
    keeper.secret = NEW
    keeper.now += SECRET_AGAIN_S

    assert gone == [503, 503, 503]
    assert "the secret in /x cannot be read" in caplog.text
    assert await status(NEW) == 200

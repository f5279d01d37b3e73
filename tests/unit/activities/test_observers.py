"""Runs that are looked at leave room for messages, and each has its turn."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.contracts.notify.specs import ObserveRequest
from activities.notify import observing
from activities.notify.observing import Observing
from integrations.errors import UnavailableError

RUN = ObserveRequest(workflow="w", run="r")


async def test_beyond_its_number_a_look_is_refused_for_now():
    with pytest.raises(ApplicationError, match="has its turn") as caught:
        await ActivityEnvironment().run(Observing(0).observe, RUN)

    assert caught.value.type == UnavailableError.__name__
    assert not caught.value.non_retryable


async def test_a_look_ends_when_others_were_turned_away_meanwhile(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(observing, "TURN_S", 0.01)
    looks = Observing(1)
    looks._turned_away = float("inf")
    await looks._others_wait()

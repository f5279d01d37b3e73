"""A fault of several: what cannot be done to one keeps no other from it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from dsl.core import ChaosCondition
from integrations.chaos.fault import Fault, NotOursError
from mandate.work.chaos.ground.strike import NOTE_MAX, Aimed, Strike
from mandate.work.chaos.journal import FaultRecord, PlannedFault

FAILURES = (
    NotOursError("it is gone"),
    RPCError("away", RPCStatusCode.UNAVAILABLE, b""),
    PermissionError(1, "not permitted"),
)


class Mark(Fault):
    """Notes what is done to it, or fails with ``error`` each time."""

    def __init__(self, *, error: Exception | None = None, happens: bool = True) -> None:
        self.error = error
        self.happens = happens
        self.done: list[str] = []
        self.was_struck = asyncio.Event()

    async def strike(self) -> None:
        self.was_struck.set()
        self._do("struck")

    async def fired(self) -> bool:
        self._do("seen")
        return self.happens

    async def undo(self) -> None:
        self._do("undone")

    def _do(self, what: str) -> None:
        self.done.append(what)
        if self.error is not None:
            raise self.error


def strike_of() -> Strike:
    planned = PlannedFault(0, ChaosCondition.LOCK_LOSS, "python", True, 0, 0, ())
    return Strike(FaultRecord(planned))


def aims(*faults: Fault) -> list[Coroutine[Any, Any, Aimed]]:
    async def aim(at: int, fault: Fault) -> Aimed:
        return Aimed(fault, (str(at),))

    return [aim(at, each) for at, each in enumerate(faults)]


@pytest.mark.parametrize("error", FAILURES, ids=lambda each: type(each).__name__)
async def test_one_that_fails_keeps_no_other_from_it(error: Exception):
    first, bad, last = Mark(), Mark(error=error), Mark()
    strike = strike_of()

    await strike.strike(aims(first, bad, last))
    assert [each.done for each in (first, last)] == [["struck", "seen"]] * 2
    assert (strike.record.struck, strike.record.note) == (["0", "2"], str(error))

    assert not await strike.undo()
    assert [each.done[-1] for each in (first, bad, last)] == ["undone"] * 3
    assert strike.record.note == f"not undone: {error}"


async def test_what_could_not_be_undone_is_tried_again():
    bad = Mark(error=OSError("busy"))
    strike = strike_of()
    await strike.strike(aims(bad))
    assert not await strike.undo()

    bad.error = None
    assert await strike.undo()
    assert await strike.undo()
    assert strike.record.undone
    assert bad.done.count("undone") == 2


async def test_what_has_fired_is_not_asked_again():
    seen, unseen = Mark(), Mark(happens=False)
    for fault, times in ((seen, 1), (unseen, 3)):
        strike = strike_of()
        await strike.strike(aims(fault))
        await strike.see()
        await strike.undo()
        assert fault.done.count("seen") == times


async def test_a_note_is_cut():
    strike = strike_of()
    await strike.strike(aims(Mark(error=OSError("x" * 1_000))))
    assert len(strike.record.note) == NOTE_MAX


async def test_none_waits_for_another_and_what_was_gone_before_does_not_count():
    first, gone = Mark(), Mark(error=NotOursError("it has ended"))

    async def late() -> Aimed:
        await first.was_struck.wait()
        return Aimed(gone, ("late",))

    strike = strike_of()
    async with asyncio.timeout(60):
        await strike.strike([*aims(first), late()])

    gone.error = None  # what was to be killed is gone: that is not our doing
    await strike.see()
    assert (strike.record.struck, strike.record.note) == (["0"], "it has ended")
    assert gone.done == ["struck"]

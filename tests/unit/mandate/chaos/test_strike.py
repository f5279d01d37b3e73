"""A fault of several: what cannot be done to one keeps no other from it."""

from __future__ import annotations

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

    async def strike(self) -> None:
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


def strike_of(*faults: Fault) -> Strike:
    planned = PlannedFault(0, ChaosCondition.LOCK_LOSS, "python", True, 0, 0, ())
    return Strike(FaultRecord(planned), [Aimed(each, (str(at),)) for at, each in enumerate(faults)])


@pytest.mark.parametrize("error", FAILURES, ids=lambda each: type(each).__name__)
async def test_one_that_fails_keeps_no_other_from_it(error: Exception):
    first, bad, last = Mark(), Mark(error=error), Mark()
    strike = strike_of(first, bad, last)

    await strike.strike()
    assert [each.done for each in (first, bad, last)] == [["struck", "seen"]] * 3
    assert (strike.record.struck, strike.record.note) == (["0", "2"], str(error))

    assert not await strike.undo()
    assert [each.done[-1] for each in (first, bad, last)] == ["undone"] * 3
    assert strike.record.note == f"not undone: {error}"


async def test_what_could_not_be_undone_is_tried_again():
    bad = Mark(error=OSError("busy"))
    strike = strike_of(bad)
    assert not await strike.undo()

    bad.error = None
    assert await strike.undo()
    assert await strike.undo()
    assert strike.record.undone
    assert bad.done.count("undone") == 2


async def test_what_has_fired_is_not_asked_again():
    seen, unseen = Mark(), Mark(happens=False)
    for fault, times in ((seen, 1), (unseen, 3)):
        strike = strike_of(fault)
        await strike.strike()
        await strike.see()
        await strike.undo()
        assert fault.done.count("seen") == times


async def test_a_note_is_cut():
    strike = strike_of(Mark(error=OSError("x" * 1_000)))
    await strike.strike()
    assert len(strike.record.note) == NOTE_MAX

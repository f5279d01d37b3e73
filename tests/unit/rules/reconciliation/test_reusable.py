"""What a stage of an earlier run did is known, or nothing of it is reused."""

from __future__ import annotations

from typing import Any

import pytest

from dsl import actions
from dsl.rules.reconciliation import reusable
from dsl.rules.reconciliation.recorded import GENESIS, Recorded
from dsl.rules.reconciliation.reusable import Compared, KnownStage, NotKnownError, known_stage
from dsl.rules.trust.scorecard import OF_STAGE

STAGE = "old/look"
PACKAGE = (10, reusable.PACKAGED, "r-look", {"manifest": "m"})
END = (12, actions.AGENT_ENDED, "r-look", {"status": "completed"})
COMPARED = Compared("old", frozenset({"r-old", "r-look"}), until=50, next_run=90)
Told = tuple[int, str, str, dict[str, Any]]


def entry(told: Told, workflow: str) -> Recorded:
    seq, action, run, payload = told
    return Recorded(
        seq=seq,
        ts="2026-01-01T00:00:00.000000Z",
        key=f"k{seq}",
        workflow_id=workflow,
        run_id=run,
        agent="p.look",
        tier="T1",
        action=action,
        payload=payload,
        prev_hash=GENESIS,
        hash=GENESIS,
    )


def known(*of_stage: Told, of_run: tuple[Told, ...] = ()) -> KnownStage:
    newest_first = sorted(of_stage, reverse=True, key=lambda told: told[0])
    stage = [entry(told, STAGE) for told in newest_first]
    return known_stage("look", stage, [entry(told, "old") for told in of_run], COMPARED)


def at_gate(seq: int, gate: Any, action: str = "gate.opened") -> Told:
    return (seq, action, "r-old", {"gate": gate})


def violated(seq: int, stage: str = STAGE) -> Told:
    of = {OF_STAGE: {"workflow": stage, "run": "r-look"}}
    return (seq, actions.AGENT_VIOLATED, "r-old", of)


def test_what_was_packaged_and_ended_in_compared_runs_is_known():
    found = known(PACKAGE, END, of_run=(at_gate(9, "ok"), at_gate(8, "other/question-1")))

    assert (found.package.seq, found.end.seq, found.violations) == (10, 12, 0)


@pytest.mark.parametrize(
    ("of_stage", "why"),
    [
        ((), "it did not come to its end there"),
        ((PACKAGE,), "it did not come to its end there"),
        ((END,), "does not say what it has packaged"),
        ((PACKAGE, (12, actions.AGENT_ENDED, "r-look", {"status": "failed"})), "it was failed"),
        ((PACKAGE, END, (14, actions.AGENT_ENDED, "r-reset", {})), "it was repeated there"),
        # The first run was ended by the reset before it had packaged anything.
        (
            ((10, reusable.PACKAGED, "r-reset", {}), (12, *END[1:2], "r-reset", END[3])),
            "was not compared with the ledger",
        ),
        # Recorded after the run was resumed: compared with nothing.
        (((60, *PACKAGE[1:]), (62, *END[1:])), "it did not come to its end there"),
        ((PACKAGE, (62, *END[1:])), "it did not come to its end there"),
    ],
    ids=["nothing", "no-end", "no-package", "failed", "twice", "reset", "after", "end-after"],
)
def test_what_was_compared_with_nothing_is_not_known(of_stage: tuple[Told, ...], why: str):
    with pytest.raises(NotKnownError, match=why):
        known(*of_stage)


@pytest.mark.parametrize(
    ("of_stage", "of_run"),
    [
        ((), (at_gate(9, "look/question-1"),)),
        ((), (at_gate(9, "look/question-1", "gate.decided"),)),
        ((), (at_gate(9, "look/call-12"),)),
        ((), (at_gate(9, "look/outcome-1"),)),
        (((9, actions.TOOL_INTENDED, "r-look", {"gate": "look/call-1"}),), ()),
        (((9, actions.TOOL_SETTLED, "r-look", {"gate": "look/outcome-1"}),), ()),
        ((), ((9, actions.TOOL_SETTLED, "r-old", {"gate": "g", OF_STAGE: {"workflow": STAGE}}),)),
    ],
    ids=["question", "answer", "call", "outcome", "intended", "settled", "settled-late"],
)
def test_what_rests_on_people_is_not_reused(
    of_stage: tuple[Told, ...], of_run: tuple[Told, ...]
) -> None:
    with pytest.raises(NotKnownError, match="no approval is carried over"):
        known(PACKAGE, END, *of_stage, of_run=of_run)


def test_other_gates_calls_that_nobody_was_asked_about_and_the_next_run_are_not_its_own():
    allowed = (9, actions.TOOL_INTENDED, "r-look", {"call": "shop/refund"})
    found = known(
        PACKAGE,
        END,
        allowed,
        of_run=(at_gate(8, "look"), at_gate(9, None), at_gate(95, "look/question-1")),
    )

    assert found.end.seq == 12


@pytest.mark.parametrize(
    ("of_stage", "of_run", "count"),
    [
        (((11, actions.AGENT_VIOLATED, "r-look", {}),), (), 1),
        (((70, actions.AGENT_VIOLATED, "r-look", {}),), (), 1),  # noticed late
        ((), (violated(13), violated(70)), 2),  # its run says so in its stead
        ((), (violated(13, "old/other"),), 0),
    ],
)
def test_violations_count_whoever_has_recorded_them_and_whenever(
    of_stage: tuple[Told, ...], of_run: tuple[Told, ...], count: int
) -> None:
    assert known(PACKAGE, END, *of_stage, of_run=of_run).violations == count


def test_of_more_entries_than_are_read_nothing_is_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reusable, "ENTRIES_MAX", 1)

    with pytest.raises(NotKnownError, match="more than 1 entries"):
        known(PACKAGE, END)

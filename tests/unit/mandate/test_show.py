"""What ``mandate show`` prints of a run, and what it does with what is not one of ours."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dsl.core import ErrorBudget
from dsl.limits import STAGES_MAX
from dsl.rules.health.budget import BudgetReading
from dsl.values.canonical import digest_of
from mandate.people.accounts import Account, read
from mandate.people.errors import RefusalError
from mandate.work.run.show import EXIT_UNDER_WAY, ROWS_MAX, exit_code, page, record
from mandate.work.run.stages import AtWork, phases_in

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
BEGAN_MS = int(BEGAN.timestamp() * 1_000)
EVIL = "\x1b[31mred\x1b[0m\n\u202eleft \x07"


def stage(**fields: Any) -> dict[str, Any]:
    known = {"type": "agent", "status": "completed", "detail": "", "attempts": 1}
    return {**known, "began_ms": BEGAN_MS, "ended_ms": BEGAN_MS + 63_000, **fields}


def output(name: str, phase: str = "EXECUTE", size: int = 1_200) -> dict[str, Any]:
    return {"name": name, "phase": phase, "digest": digest_of(name), "size": size}


def gate(**fields: Any) -> dict[str, Any]:
    votes = [
        {"voter": "ann", "decision": "approve", "reason": "seen", "identity": "verified"},
        {"voter": "bob", "decision": "approve", "reason": "", "identity": "claimed"},
    ]
    known = {"gate": "ok", "opening": 1, "escalated": False, "verdict": "approved"}
    return {**known, "detail": "approved by ann, bob", "votes": votes, **fields}


def account(status: str = "completed", kind: str = "", sentence: str = "", **said: Any) -> Account:
    closed = None if status == "running" else BEGAN + timedelta(seconds=90)
    said = {"pipeline": "release", "version": "1", "plan": digest_of("plan"), **said}
    told = read(said, "run-1")
    return Account("run-1", "id", "Pipeline", status, BEGAN, closed, kind, sentence, told)


def said(found: Account, *, is_whole: bool = False) -> str:
    return "\n".join(page(found, is_whole=is_whole))


def test_a_run_that_is_over_is_told_on_one_page():
    text = said(
        account(
            stages={
                "build": stage(
                    outputs=[output("plan.json", "PLAN"), output("app.tar"), output("log")]
                ),
                "ok": stage(type="gate", ended_ms=BEGAN_MS + 400, detail="approved by ann, bob"),
            },
            approvals=[gate()],
            ledger=[3, 20],
        )
    )

    for line in (
        "run      run-1",
        "what     release 1",
        "took     1m30s, 2026-01-01T00:00:00+00:00 to 2026-01-01T00:01:30+00:00",
        "ledger   entries 3 to 20",
        "build  agent  completed  1m3s",
        "ok     gate   completed  0.4s  approved by ann, bob",
        "gate     ok: approved; approved by ann, bob",
        "         approve by ann, verified: seen",
        "         approve by bob, claimed",
        "app.tar    build  1,200 bytes",
        "ended    completed",
    ):
        assert line in text
    assert text.index("app.tar") < text.index("plan.json")  # the more telling one


def test_a_sentence_of_several_lines_stands_as_it_was_laid_out():
    sentence = "InvalidPipeline: definition:4:41\n  tier: 'T9'\n        ^\n  hint: T0 to T4"
    text = said(account("refused", sentence=sentence))

    assert text.endswith(
        "ended    refused: InvalidPipeline: definition:4:41\n"
        "  |   tier: 'T9'\n  |         ^\n  |   hint: T0 to T4"
    )
    assert "\x1b" not in said(account("failed", sentence="a line\n\x1b[2Jand another"))
    assert said(account("failed", sentence="long\n" * 1_000)).endswith("long…")


def test_a_run_under_way_tells_what_it_waits_for_and_how_to_follow_it():
    waiting = {
        "gate": "ok",
        "due": "2026-01-02T00:00:00+00:00",
        "approvers": ["ann", "bob"],
        "voted": [{"voter": "ann", "decision": "approve", "proven": True}],
    }
    now_ms = int(time.time() * 1_000)
    stages = {"ok": stage(type="gate", status="waiting", began_ms=now_ms - 5_000, ended_ms=0)}
    text = said(account("running", stages=stages, waiting_for=[waiting]))

    assert "waiting  ok: ann, bob, until 2026-01-02T00:00:00+00:00" in text
    assert "         approve by ann, verified" in text
    assert "ok     gate  waiting  5s" in text
    assert text.endswith("under way; mandate watch run-1")


def test_what_burns_of_an_error_budget_is_shown_with_its_stage():
    stages = {"work": stage(status="running", detail="tries", ended_ms=0), "next": stage()}
    budget = ErrorBudget(errors=4, window_ms=60_000)
    at_work = AtWork(budgets={"work": BudgetReading(errors=1, budget=budget)})
    found = account("running", stages=stages)
    text = "\n".join(page(found, at_work))
    rows = {each["stage"]: each for each in record(found, at_work)["stages"]}

    assert "tries; error budget: 1 of 4 used within 1m, burn rate 25 %" in text
    assert rows["work"]["error_budget"]["burn_percent"] == 25
    assert "error_budget" not in rows["next"]


def test_a_stage_at_work_says_its_phase_the_try_and_for_how_long():
    now = {"phase": "EXECUTE", "try": 2, "began_ms": int(time.time() * 1_000) - 12_500}
    stages = {"work": stage(status="running", ended_ms=0), "next": stage(status="pending")}
    found, at_work = (
        account("running", stages=stages),
        AtWork(phases=phases_in({"work": {"now": now}})),
    )
    text = "\n".join(page(found, at_work))
    rows = {each["stage"]: each for each in record(found, at_work)["stages"]}

    assert "EXECUTE, try 2, for 12s" in text
    assert rows["work"]["now"] == now
    assert "now" not in rows["next"]


@pytest.mark.parametrize(
    "said",
    [
        {},  # nothing, or by a release before
        {"now": None},
        {"now": "EXECUTE"},
        {"now": {"phase": EVIL, "try": 1, "began_ms": 1}},
        {"now": {"phase": "EXECUTE", "try": "many", "began_ms": 1}},
        {"now": {"phase": "EXECUTE", "try": 1, "began_ms": 10**30}},
    ],
)
def test_what_is_no_phase_is_not_shown(said):
    assert phases_in({"work": said}) == {}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("completed", "", 0),
        ("failed", "StageFailed", 1),
        ("failed", "InvalidPipeline", 1),
        ("failed", "some other", 1),
        ("running", "", EXIT_UNDER_WAY),
        ("failed", "GateRejected", 4),
        ("canceled", "Cancelled", 5),
        ("terminated", "Terminated", 5),
        ("failed", "TimedOut", 6),
        ("failed", "Revoked", 7),
    ],
)
def test_the_exit_code_is_how_it_ended(status, kind, code):
    assert exit_code(account(status, kind)) == code


def test_what_others_have_written_is_shown_and_not_obeyed():
    vote = {"voter": EVIL, "decision": EVIL, "reason": EVIL, "identity": EVIL}
    text = said(
        account(
            "failed",
            "StageFailed",
            EVIL,
            pipeline=EVIL,
            version=EVIL,
            starter=EVIL,
            stages={EVIL: stage(type=EVIL, status=EVIL, detail=EVIL, outputs=[output(EVIL)])},
            approvals=[gate(gate=EVIL, verdict=EVIL, detail=EVIL, votes=[vote])],
        ),
        is_whole=True,
    )

    assert "red" in text
    assert not any(character in text for character in "\x1b\x07\u202e")


def test_a_thousand_stages_are_counted_and_all_are_there_for_who_asks():
    stages = {
        f"s{n}": stage(status="failed" if n % 100 == 0 else "completed", outputs=[output(f"o{n}")])
        for n in range(STAGES_MAX)
    }
    found = account(stages=stages, approvals=[gate(gate=f"g{n}") for n in range(STAGES_MAX)])
    short, whole = said(found), said(found, is_whole=True)

    assert len(short.splitlines()) < 6 * ROWS_MAX
    assert "1000 stages: 990 completed, 10 failed" in short
    assert "and 900 more outputs: --all shows them" in short
    assert all(f"\ns{n} " in whole and f"\no{n} " in whole for n in range(STAGES_MAX))
    assert len(record(found)["stages"]) == STAGES_MAX


@pytest.mark.parametrize(
    "answer",
    [
        {"stages": "none"},
        {"stages": {"a": {"detail": "no status"}}},
        {"stages": {f"s{n}": {"status": "x"} for n in range(STAGES_MAX + 1)}},
        {"stages": {"a": {"status": "completed", "outputs": [{"name": "x", "digest": "y"}]}}},
        {"approvals": [{"votes": "many"}]},
        {"ledger": [1, 2, 3]},
    ],
)
def test_what_is_no_answer_of_a_run_is_refused_in_a_sentence(answer):
    with pytest.raises(RefusalError, match="is not what a run of this release says"):
        read(answer, "run-1")


def test_a_report_of_a_release_without_times_or_votes_is_read():
    text = said(
        account(stages={"a": {"status": "completed"}}, approvals=[{"gate": "ok", "votes": 1_000}])
    )

    assert ["a", "completed"] in [line.split() for line in text.splitlines()]
    assert "and 1000 more votes" in text

"""``ledger.evidence`` before a ledger that somebody has laid hands on."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.contracts import trust_specs as trust
from activities.trust.evidence import Appraiser, EvidenceActivities
from dsl.core import Tier
from dsl.criteria import Criteria
from dsl.promotion import load_criteria
from dsl.rules.run.reserved import promotion_id, reinstatement_id
from integrations.ledger import verify as verifying
from integrations.ledger.entries import GENESIS, Content, entry_bytes, leaf_hash
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import Report, tail, verify
from tests.fixtures.trust.facts import CRITERIA
from tests.integration.ledger.drafts import draft, intruder

AGENT = "checker"
UNMET = (
    "the evidence does not verify: the ledger is not what was written, see `mandate ledger verify`"
)


async def history(ledger: Ledger, runs: int = 2) -> None:
    registered = {"entity": str(uuid.uuid4()), "tier": "T1", "pipeline": "p", "template": "t"}
    told: list[tuple[str, dict[str, Any]]] = [("agent.registered", registered)]
    for _ in range(runs):
        told += [("agent.intended", {"path": "look"})]
        told += [("agent.ended", {"status": "completed", "attempts": 1})]
    told += [("run.ended", {})]
    await ledger.append(
        [
            draft(n, agent=AGENT, action=action, payload=what)
            for n, (action, what) in enumerate(told)
        ]
    )


async def ask(
    ledger: Ledger,
    kind: str = trust.PROMOTE,
    to: Tier = Tier.T2,
    criteria: Criteria | None = None,
) -> trust.Evidence:
    environment = ActivityEnvironment()
    names = {
        trust.PROMOTE: (trust.PROMOTION_WORKFLOW, promotion_id(AGENT)),
        trust.REINSTATE: (trust.REINSTATEMENT_WORKFLOW, reinstatement_id(AGENT)),
    }
    environment.info = dataclasses.replace(
        environment.info, workflow_type=names[kind][0], workflow_id=names[kind][1]
    )
    appraiser = Appraiser(ledger, criteria or load_criteria(CRITERIA))
    activities = EvidenceActivities(ledger, appraiser)
    return await environment.run(
        activities.evidence,
        trust.EvidenceRequest(kind=kind, agent=AGENT, to=to, held=Tier.T1, reason="good"),
    )


def altered(connection: Connection) -> None:
    """Make a run better than it was."""
    connection.execute("DROP TRIGGER ledger_no_update")
    connection.execute("UPDATE ledger SET payload = replace(payload, '1', '2') WHERE seq = 2")


def of_somebody_else(connection: Connection) -> None:
    """Alter an entry that is none of the agent's."""
    connection.execute("DROP TRIGGER ledger_no_update")
    connection.execute("UPDATE ledger SET payload = '{\"n\":1}' WHERE seq = 5")


def without_triggers(connection: Connection) -> None:
    """Only prepare."""
    connection.execute("DROP TRIGGER ledger_no_delete")


def rewritten(connection: Connection) -> None:
    """Tell another story as a whole, with hashes that fit, head and length as they were."""
    found = "SELECT sql FROM sqlite_schema WHERE name = 'ledger_no_update'"
    [[trigger]] = connection.execute(found).fetchall()
    connection.execute("DROP TRIGGER ledger_no_update")
    rows = connection.execute("SELECT * FROM ledger ORDER BY seq").fetchall()
    prev = GENESIS
    for seq, ts, *columns, _, _ in rows:
        columns[-1] = columns[-1].replace('"completed"', '"cancelled"')
        digest = leaf_hash(entry_bytes(seq, ts, Content(*columns), prev))
        connection.execute(
            "UPDATE ledger SET payload = ?, prev_hash = ?, hash = ? WHERE seq = ?",
            (columns[-1], prev, digest, seq),
        )
        prev = digest
    connection.execute(trigger)


async def test_what_stands_as_it_was_written_is_evidence(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        await history(ledger)
        answer = await ask(ledger)

    assert answer.unmet == ()
    assert answer.plan is not None


@pytest.mark.parametrize("lay_hands", [altered, of_somebody_else, without_triggers])
async def test_what_was_altered_is_none(tmp_path: Path, lay_hands: Callable[[Connection], None]):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        await history(ledger)
        with intruder(path) as connection:
            lay_hands(connection)
        answer = await ask(ledger)

    assert answer.unmet == (UNMET,)
    assert answer.plan is None
    [asked] = tail(path, 1)
    assert (asked.action, asked.payload["unmet"]) == ("trust.asked", [UNMET])


async def test_a_file_that_was_rewritten_as_a_whole_tells_another_story(tmp_path: Path):
    """It verifies. The writer, which saw what was written, is not deceived."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        await history(ledger)
        with intruder(path) as connection:
            rewritten(connection)
        assert verify(path).problems == ()
        appraised = await Appraiser(ledger, load_criteria(CRITERIA)).appraise(
            trust.PROMOTE, AGENT, Tier.T1, Tier.T2
        )

    assert appraised.unmet == (UNMET,)


async def test_the_criteria_are_those_of_the_ledgers_worker_and_told_with_figures(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        await history(ledger, runs=1)
        assert (await ask(ledger)).unmet == ("1 compliant runs in a row at T1, 2 needed",)


async def test_a_tier_is_not_skipped(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        await history(ledger)
        assert (await ask(ledger, to=Tier.T3)).unmet == (
            "one tier at a time: T2 next, and T3 was asked for",
        )


async def test_only_who_is_revoked_is_reinstated_and_by_the_council(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        await history(ledger)
        not_revoked = await ask(ledger, trust.REINSTATE, Tier.T0)
    assert "is not revoked" in not_revoked.unmet[0]

    with Ledger(tmp_path / "other.db") as ledger:
        await history(ledger)
        await ledger.append(
            [draft(90, agent=AGENT, action="agent.revoked", payload={"epoch": 5_000})]
        )
        answer = await ask(ledger, trust.REINSTATE, Tier.T0)
    assert answer.unmet == ()
    assert answer.plan is not None
    assert answer.plan.name == "reinstatement"
    assert answer.plan.steps[0].model_dump()["approvers"] == ("group:council",)


async def test_a_violation_that_comes_while_the_ledger_is_verified_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Verifying a long ledger takes minutes, and the ledger does not stand still for it."""
    loop = asyncio.get_running_loop()
    violated = draft(90, agent=AGENT, action="agent.violated", payload={"kind": "wrong-output"})
    with Ledger(tmp_path / "ledger.db") as ledger:

        def slowly(path: Path) -> Report:
            asyncio.run_coroutine_threadsafe(ledger.append([violated]), loop).result()
            return verify(path)

        await history(ledger)
        monkeypatch.setattr(verifying, "verify", slowly)
        answer = await ask(ledger)

    assert answer.unmet[0] == "0 compliant runs in a row at T1, 2 needed"


async def test_criteria_that_leave_the_tier_out_meanwhile_are_a_refusal_that_ends_the_run(
    tmp_path: Path,
):
    """The answer was lost, and the worker came back with another file."""
    known = load_criteria(CRITERIA)
    without = known.model_copy(update={"tiers": known.tiers.model_copy(update={"T2": None})})
    with Ledger(tmp_path / "ledger.db") as ledger:
        await history(ledger)
        assert (await ask(ledger)).unmet == ()
        with pytest.raises(ApplicationError, match="the criteria leave it out") as refused:
            await ask(ledger, criteria=without)

    assert (refused.value.type, refused.value.non_retryable) == ("DeniedError", True)


async def test_the_ledger_is_verified_once_at_a_time_however_many_ask_and_take_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nobody has to be logged in to ask, and the writer shares the processor with this."""
    at_work, most = 0, 0
    counting, begun = threading.Lock(), threading.Event()

    def slowly(path: Path) -> Report:
        nonlocal at_work, most
        with counting:
            at_work += 1
            most = max(most, at_work)
        begun.set()
        time.sleep(0.02)  # longer than it takes to start the others
        with counting:
            at_work -= 1
        return verify(path)

    monkeypatch.setattr(verifying, "verify", slowly)
    with Ledger(tmp_path / "ledger.db") as ledger:
        await history(ledger)
        appraiser = Appraiser(ledger, load_criteria(CRITERIA))
        asked = [
            asyncio.create_task(appraiser.appraise(trust.PROMOTE, AGENT, Tier.T1, Tier.T2))
            for _ in range(5)
        ]
        await asyncio.to_thread(begun.wait)
        asked[0].cancel()
        found = await asyncio.gather(*asked[1:])

    assert [each.unmet for each in found] == [()] * 4
    assert most == 1

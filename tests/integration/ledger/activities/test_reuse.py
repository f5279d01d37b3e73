"""``ledger.reuse`` as Temporal calls it: at least once, and of what is in dispute by then."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts import attestation_specs as contract
from activities.ledger.reuse import ReuseActivities
from dsl import actions
from dsl.core import AgentPhase, OutputType
from dsl.rules.reconciliation.reusable import PACKAGED
from dsl.rules.run.reuse import MadeFrom, Manifest, Wanted
from dsl.values.canonical import canonical, digest_of
from integrations.artifacts.store import Artifacts
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.ledger.lookup import dispute_of
from integrations.ledger.verify import tail
from tests.integration.ledger.drafts import draft, mark

MADE = MadeFrom(
    stage=digest_of(1), program=digest_of(2), inputs=digest_of(3), built_on=digest_of(4)
)
WANTED = Wanted(pipeline="p", path="look", agent="p.look", made_from=MADE)


class Old:
    """A run whose one stage has packaged, and that a new one may resume."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.ledger, self.file = ledger, folder / "ledger.db"
        self.store = Artifacts(folder / "artifacts")
        self.seen = self.store.put(b"seen")
        output = {
            "name": "look.txt",
            "phase": AgentPhase.EXECUTE,
            "output_type": OutputType.BETA,
            "digest": self.seen.digest,
            "size": 4,
        }
        manifest = Manifest(
            pipeline="p",
            plan=digest_of(0),
            stage="look",
            agent="p.look",
            outputs=(output,),
            workflow="old/look",
            run="r-look",
            made_from=MADE,
        )
        text = canonical(manifest.model_dump(mode="json")).encode()
        self.manifest = self.store.put(text).digest
        self.activities = ReuseActivities(ledger, folder / "artifacts")

    async def record(self) -> None:
        stage = {"workflow_id": "old/look", "run_id": "r-look", "agent": "p.look"}
        resumed = {
            "workflow": "old",
            "run": "r-old",
            "after": 0,
            "before": 1_000,
            "compared": ["r-look", "r-old"],
        }
        self.entries = [
            draft(0, workflow_id="old", run_id="r-old"),
            draft(1, action=PACKAGED, payload={"manifest": self.manifest}, **stage),
            draft(2, action=actions.AGENT_ENDED, payload={"status": "completed"}, **stage),
            draft(3, workflow_id="new", action=actions.RUN_RESUMED, payload=resumed),
        ]
        await self.ledger.append(self.entries)

    async def dispute(self, workflow: str, run: str) -> None:
        said = {"workflow": workflow, "run": run, "count": 1, "first": "?"}
        await self.ledger.append([disputed(len(tail(self.file, 100)), said)])

    async def reuse(self, attempt: int = 1) -> contract.Reused:
        environment = ActivityEnvironment()
        told: dict[str, Any] = {
            "workflow_id": "new",
            "workflow_run_id": "r-new",
            "activity_id": "look/reuse#1",
            "attempt": attempt,
        }
        environment.info = dataclasses.replace(environment.info, **told)
        request = contract.ReuseRequest(resumed=3, wanted=WANTED)
        return await environment.run(self.activities.reuse, request)


def disputed(n: int, said: dict[str, Any]) -> Draft:
    return draft(n, workflow_id="reconcile", action=actions.RUN_DISPUTED, payload=said)


@pytest.fixture
async def old(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        made = Old(tmp_path, ledger)
        await made.record()
        yield made


async def test_an_attempt_whose_answer_was_lost_is_told_what_was_recorded(old: Old) -> None:
    first = await old.reuse()
    again = await old.reuse(attempt=2)

    assert (first.refusal, first.entry) == ("", 4)
    assert [each.name for each in first.outputs] == ["look.txt", "manifest.json"]
    assert again == first
    assert [e.action for e in tail(old.file, 9)].count(actions.STAGE_REUSED) == 1


@pytest.mark.parametrize("why", ["revoked", "violated its mandate"])
async def test_what_is_found_of_an_agent_between_two_attempts_is_handed_on_by_none(
    old: Old, why: str
) -> None:
    late = {"kind": "output", "of": {"workflow": "old/look", "run": "r-look"}}
    violated = draft(9, workflow_id="old", action=actions.AGENT_VIOLATED, payload=late)
    await old.reuse()
    await old.ledger.append([mark(9, "p.look", 1, revoked=True) if why == "revoked" else violated])

    assert why in (await old.reuse(attempt=2)).refusal


async def test_what_is_in_dispute_by_then_or_whose_agent_violated_its_mandate_late_is_not_reused(
    old: Old,
) -> None:
    late = {"kind": "output", "of": {"workflow": "old/look", "run": "r-look"}}
    violated = draft(9, workflow_id="old", action=actions.AGENT_VIOLATED, payload=late)
    await old.ledger.append([violated])
    by_run = await old.reuse()
    await old.dispute("old", "r-old")
    in_dispute = await old.reuse()

    assert by_run.refusal == "its agent has violated its mandate there"
    assert in_dispute.refusal == "its history and the ledger disagree, as entry 5 says"


async def test_a_dispute_is_found_behind_however_many_of_other_runs(old: Old) -> None:
    await old.dispute("old", "r-before-the-reset")
    for _ in range(3):
        await old.dispute("other", "r-old")

    found = dispute_of(old.file, [("old", "r-old"), ("old", "r-before-the-reset")])

    assert found is not None
    assert found.seq == 4
    assert dispute_of(old.file, [("old", "r-old"), ("other", "r-other")]) is None


async def test_what_was_altered_since_is_not_what_was_recorded(old: Old) -> None:
    await old.reuse()
    word = old.seen.digest.removeprefix("sha256:")
    [kept] = old.store._root.rglob(word)  # as whoever holds the disk
    kept.unlink()

    assert (await old.reuse(attempt=2)).refusal == "its look.txt is not kept any more"

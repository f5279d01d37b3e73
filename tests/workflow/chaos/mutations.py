"""A broken build for every oracle: what was broken, the run that shows it, and who has to notice.

A patch holds for one run of the test alone. The oracles look when everything is whole again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from activities.contracts import tool_specs
from activities.phases import report
from activities.tools.calling import ToolCalls
from dsl.core import AGENT_PHASES_ORDERED, AgentOutput, AgentPhase, get_output_type_for_phase
from dsl.rules.gates import consensus
from dsl.rules.health.budget import BudgetReading
from dsl.rules.proofs.proof import Proof, encode
from dsl.values.canonical import digest_of_bytes
from integrations.dragonfly.leases import Lease, Leases
from integrations.ledger import chain
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity import brake
from integrations.vault.signing.voters import Voters
from tests.fixtures.chaos.stand import Stand, Story
from tests.fixtures.voting import matter_of, seal, vote_of
from tests.workflow.chaos import stories
from workflows.gates import decision
from workflows.lifecycle import phase_sequence
from workflows.lifecycle.stage_state import StageState
from workflows.run.pipeline_run import PipelineRun
from workflows.runtime.moment import now_ms
from workflows.tools.people_asked import PeopleAsked

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutation:
    """One way to break the build."""

    oracle: str  # who has to notice
    broken: str  # what, in words
    breaks: Callable[[Patch], None]
    story: Story


async def by_nobody_asked(stand: Stand) -> stories.Run:
    run = await stories.at_a_gate(stand)
    await run.signal("vote", {**stories.VOTE, "voter": "mallory"})
    return run


async def by_a_forged_signature(stand: Stand) -> stories.Run:
    run = await stories.at_a_gate(stand, identity=["verified"])
    statement = seal(await matter_of(run, "review"), stand.ann.entity)
    signature = f"vault:v1:{base64.b64encode(bytes(64)).decode()}"
    vote = vote_of("review", "ann", proof=encode(Proof(statement, signature)))
    await run.execute_update("vote", vote)
    return run


def anybody_votes(patch: Patch) -> None:
    patch.setattr(consensus._Count, "_refuse_voter", lambda *_: None)


def any_signature_is_good(patch: Patch) -> None:
    async def verify(*_: Any) -> bool:
        return True

    patch.setattr(Voters, "verify", verify)


def time_approves(patch: Patch) -> None:
    of_opening = decision.of_opening

    def approved(*args: Any, **named: Any) -> dict[str, Any]:
        return {**of_opening(*args, **named), "verdict": decision.APPROVED}

    patch.setattr(decision, "of_opening", approved)


def package_is_skipped(patch: Patch) -> None:
    left = tuple(each for each in AGENT_PHASES_ORDERED if each is not AgentPhase.PACKAGE)
    patch.setattr(phase_sequence, "AGENT_PHASES_ORDERED", left)


def fences_stand_still(patch: Patch) -> None:
    acquire = Leases.acquire
    first: dict[str, int] = {}

    async def again(self: Leases, **asked: Any) -> Lease:
        lease = await acquire(self, **asked)
        fence = first.setdefault(lease.agent, lease.fence)
        client = self._release.registered_client
        for key in (f"agent:{lease.agent}:guard", f"agent:{lease.holder}:lock"):
            await client.hset(key, "fence", str(fence))
        return replace(lease, fence=fence)

    patch.setattr(Leases, "acquire", again)


def tokens_are_left(patch: Patch) -> None:
    async def keep(*_: Any) -> None:
        return

    patch.setattr(TokenRoleIssuer, "_revoke", keep)


def leases_are_kept(patch: Patch) -> None:
    async def keep(*_: Any) -> bool:
        return True

    patch.setattr(Leases, "release", keep)


def the_identity_stays(patch: Patch) -> None:
    async def nothing(*_: Any) -> None:
        return

    patch.setattr(brake.Brake, "disable_known", nothing)
    patch.setattr(brake, "_is_disabled", lambda *_: True)


def no_budget_is_spent(patch: Patch) -> None:
    patch.setattr(BudgetReading, "is_spent", False)


def hashes_are_wrong(patch: Patch) -> None:
    patch.setattr(chain, "leaf_hash", lambda entry: hashlib.sha256(entry).digest())


def an_entry_is_lost(patch: Patch) -> None:
    append = Ledger.append

    async def most(self: Ledger, drafts: Sequence[Draft]) -> Any:
        return await append(self, [each for each in drafts if each.action != "agent.report"])

    patch.setattr(Ledger, "append", most)


def activities_are_told_another_thing(patch: Patch) -> None:
    phase_request = StageState.phase_request

    def other(self: StageState, **told: Any) -> Any:
        return phase_request(self, **told).model_copy(update={"project": "another"})

    patch.setattr(StageState, "phase_request", other)


def the_end_is_a_fault(patch: Patch) -> None:
    note_end = PipelineRun._note_end
    failed: list[str] = []

    def once(self: PipelineRun, *args: Any) -> None:
        if not failed:
            failed.append("")
            raise RuntimeError("a fault of the workflow's code")
        note_end(self, *args)

    patch.setattr(PipelineRun, "_note_end", once)


def the_report_is_not_stored(patch: Patch) -> None:
    async def told(
        _tools: Any, phase: AgentPhase, name: str, data: bytes, kind: str
    ) -> AgentOutput:
        maturity = get_output_type_for_phase(phase)
        assert maturity is not None
        digest = digest_of_bytes(data)
        return AgentOutput(
            name=name,
            phase=phase,
            output_type=maturity,
            digest=digest,
            size=len(data),
            media_type=kind,
        )

    patch.setattr(report, "put_bytes", told)


def nobody_is_asked_about_calls(patch: Patch) -> None:
    async def ask(_self: PeopleAsked, call: tool_specs.WaitingCall) -> tool_specs.CallDecision:
        gate = "look/call-1"
        return tool_specs.CallDecision(
            digest=call.digest(), gate=gate, is_approved=True, at_ms=now_ms()
        )

    patch.setattr(PeopleAsked, "ask", ask)


def calls_are_made_twice(patch: Patch) -> None:
    made = ToolCalls._made

    async def twice(self: ToolCalls, *args: Any) -> Any:
        await made(self, *args)
        return await made(self, *args)

    patch.setattr(ToolCalls, "_made", twice)


# What breaks the ledger's file stands last: everything after it is chained to that.
MUTATIONS = (
    Mutation("approvals", "anybody's vote counts", anybody_votes, by_nobody_asked),
    Mutation("approvals", "any signature is good", any_signature_is_good, by_a_forged_signature),
    Mutation("approvals", "time approves", time_approves, stories.timed_out),
    Mutation(
        "tool-calls", "nobody is asked about calls", nobody_is_asked_about_calls, stories.calling
    ),
    Mutation("tool-calls", "calls are made twice", calls_are_made_twice, stories.asked_to_pay),
    Mutation("phase-order", "PACKAGE is skipped", package_is_skipped, stories.alone),
    Mutation("leases", "fences stand still", fences_stand_still, stories.alone),
    Mutation("credentials", "tokens are not revoked", tokens_are_left, stories.alone),
    Mutation("leftovers", "leases are not given back", leases_are_kept, stories.alone),
    Mutation("revocations", "the identity stays", the_identity_stays, stories.revoked),
    Mutation("budgets", "no budget is ever spent", no_budget_is_spent, stories.overspent),
    Mutation("ledger-agreement", "an entry is lost", an_entry_is_lost, stories.alone),
    Mutation(
        "replays",
        "activities are told something else",
        activities_are_told_another_thing,
        stories.alone,
    ),
    Mutation("endings", "the end of a run is a fault", the_end_is_a_fault, stories.alone),
    Mutation("objective", "the report is not stored", the_report_is_not_stored, stories.alone),
    Mutation("ledger-chain", "hashes are wrong", hashes_are_wrong, stories.alone),
)

"""May this T3 or T4 stage act? The worker of ``mandate-t3`` finds out, and trusts no workflow.

Whoever may write to the namespace can start workflows, complete activities and schedule any. A
*warrant* is what the workflow hands down so that this worker can verify everything again, each
time before the agent's program is asked or a credential is minted. In this order, because each
is cheaper and more final than the next; every refusal is one sentence and final:

1. There is a warrant, and it is not larger than any run needs.
2. The server says that this execution is a child of a run, under the id the stage has there. An
   ``Agent`` that somebody started by hand has no parent.
3. Somebody vouches for the plan: ``activities.proofs.registered_plans``.
4. What is asked for is what the plan says: the step with its tier, program, secrets and limits,
   the pipeline, the agent under its own name, the project.
5. The starter, where the warrant names one, has proven to be that, and for this start: the proof
   was made no longer before it than proofs last.
6. Every vote is one person's, about this run, gate, opening, plan, inputs and subject; each is
   verified with that person's key, and the person is read from Vault now.
7. The rules say that these votes let the stage pass: ``dsl.rules.gates.warrant``.
8. Where the plan of the stage was clarified, each of these votes is about the clarified plan, which
   only narrows what the stage may touch.
9. The inputs of the agent follow from the inputs of the run and from approved outputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from temporalio import activity

from activities.contracts import messages
from activities.proofs.registered_plans import RegisteredPlans
from activities.proofs.verifier import ProofVerifier
from activities.proofs.votes import PlannedRun, VoteVerifier
from activities.runtime.engine import Parent, parent_of
from dsl.conditions.interpolate import OPENING
from dsl.limits import ARTIFACT_BYTES_MAX, JSON_WRAPPED_DEPTH_MAX, VERIFICATIONS_MAX
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.gates.guards import before, is_guard
from dsl.rules.gates.warrant import refuse_clarified, refuse_warrant, resolved_inputs
from dsl.rules.proofs.proof import CLOCK_SKEW_S, PROOF_LIFE_S_MAX, START, Proof
from dsl.rules.run.reserved import owner_of
from dsl.values import strict_json
from dsl.values.canonical import canonical, digest_of
from integrations.artifacts.store import Artifacts
from integrations.errors import DeniedError, IntegrationError
from integrations.vault.signing.voters import Voters

APPROVALS_MAX: Final = VERIFICATIONS_MAX
ACCOUNT: Final = "execute.json"  # a stage's own account of EXECUTE, written by the engine


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a stage that may act belongs to, and who let it."""

    run: PlannedRun
    approved_by: tuple[str, ...]
    # Names and entities by role, of those whose votes may not count; None: not known.
    excluded_for: Mapping[str, frozenset[str] | None]


class Warrants:
    """Verifies warrants."""

    def __init__(self, plans: RegisteredPlans, voters: Voters, artifacts: Artifacts) -> None:
        self._plans = plans
        self._verifier = ProofVerifier(voters)
        self._votes = VoteVerifier(self._verifier)
        self._artifacts = artifacts

    async def require(self, request: messages.PhaseRequest) -> Cleared:
        """Return whose run this is, once everything it claims has been verified.

        Raises:
            DeniedError: the stage may not act; says why.
            UnavailableError: something that has to be asked does not answer.
        """
        try:
            return await self._require(request)
        except DeniedError as error:
            raise DeniedError(f"no warrant for {request.step.path!r}: {error}") from None

    async def _require(self, request: messages.PhaseRequest) -> Cleared:
        warrant = _warrant(request)  # (1) there is one, of a sane size
        parent = await _parent(request.step.path)  # (2) in the server's words
        found = await self._plans.find(request.plan, warrant.authors)  # (3) somebody vouches for it
        run = PlannedRun(parent.workflow_id, parent.run_id, found, digest_of(warrant.inputs))
        step = _planned(request, run)  # (4) as the plan says
        excluded = await self._excluded(run, warrant, parent.started)  # (5) who may not have voted
        approvals = await self._votes.verify(run, warrant.approvals)  # (6) every proof again
        refusal = refuse_warrant(
            found.plan,
            step.path,
            approvals,
            excluded_for=excluded,
            given={
                path: {output.name: output.digest for output in outputs}
                for path, outputs in request.given.items()
            },
        )
        if refusal is not None:  # (7) the rules let it pass
            raise DeniedError(refusal)
        refusal = refuse_clarified(step, run.plan.digest, request.clarified, approvals)
        if refusal is not None:  # (8) an approval of another plan is void
            raise DeniedError(refusal)
        # (9) inputs follow from what was approved
        await self._require_inputs(request, found.plan, step, warrant)
        names = {vote.voter for approval in approvals for vote in approval.votes}
        return Cleared(run, tuple(sorted(names)), excluded)

    async def _excluded(
        self, run: PlannedRun, warrant: messages.Warrant, started: float
    ) -> dict[str, frozenset[str] | None]:
        """Return names and entities by role; None: not known (5)."""
        authors = run.plan.authors
        starter: frozenset[str] | None = None
        if warrant.starter:
            about = {
                "workflow": run.workflow_id,
                "plan": run.plan.digest,
                "inputs": run.inputs,
            }

            def refuse(proof: Proof) -> str | None:
                return _refuse_other_start(proof, started) or run.refuse_age(proof)

            verified = await self._verifier.verify(warrant.starter, START, about, of_time=refuse)
            starter = frozenset({verified.person.entity, verified.person.name})
        return {
            "starter": starter,
            "author": frozenset(word for each in authors for word in (each.entity, each.name)),
        }

    async def _require_inputs(
        self,
        request: messages.PhaseRequest,
        plan: Plan,
        step: AgentStep,
        warrant: messages.Warrant,
    ) -> None:
        approved: dict[str, dict[str, Any]] = {}
        if OPENING in canonical(step.inputs):
            for path, outputs in _approved(plan, step, warrant):
                approved[path] = await asyncio.to_thread(self._account, outputs)
        try:
            expected = resolved_inputs(step, warrant.inputs, approved)
        except ValueError as error:
            raise DeniedError(str(error)) from None
        # As text: for Python 1 is True, and for an agent it is not.
        if canonical(expected) != canonical(request.inputs):
            raise DeniedError("its inputs do not follow from what was approved")

    def _account(self, outputs: Mapping[str, str]) -> dict[str, Any]:
        """Return what an approved stage put out, as approved: by digest."""
        if ACCOUNT not in outputs:
            return {}
        try:
            account = strict_json.read(
                self._artifacts.get(outputs[ACCOUNT]),
                bytes_max=ARTIFACT_BYTES_MAX,
                depth_max=JSON_WRAPPED_DEPTH_MAX,
            )
            output = account["output"]
        except (ValueError, KeyError, TypeError, IntegrationError) as error:
            raise DeniedError(f"an approved output cannot be read: {error}") from None
        return output if isinstance(output, dict) else {}


def _approved(
    plan: Plan, step: AgentStep, warrant: messages.Warrant
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the outputs, by stage, that guards before ``step`` have approved."""
    guards = {each.path: each for each in walk(before(plan, step.path)) if is_guard(each)}
    for approval in warrant.approvals:
        guard = guards.get(approval.gate)
        if isinstance(guard, GateStep):
            yield from (
                (p, subject) for p, subject in approval.subject.items() if p in guard.approves
            )


def _warrant(request: messages.PhaseRequest) -> messages.Warrant:
    warrant = request.warrant
    if warrant is None:
        raise DeniedError(
            f"{request.step.tier.name} acts behind an approval only, and none was handed down"
        )
    ballots = sum(len(approval.ballots) for approval in warrant.approvals)
    if len(warrant.approvals) > APPROVALS_MAX or ballots > VERIFICATIONS_MAX:
        raise DeniedError(
            f"it holds {ballots} votes of {len(warrant.approvals)} gates, and at most "
            f"{VERIFICATIONS_MAX} of {APPROVALS_MAX} are verified"
        )
    return warrant


def _refuse_other_start(proof: Proof, started: float) -> str | None:
    """Refuse the proof of a start that was not this one: it names no run, but it has a time (5)."""
    latest = started + PROOF_LIFE_S_MAX + CLOCK_SKEW_S
    if started - CLOCK_SKEW_S <= proof.expires <= latest:
        return None
    return "the proof of the starter is of another start"


async def _parent(path: str) -> Parent:
    """Return the run this stage belongs to, in the server's words (2)."""
    info = activity.info()
    workflow_id = info.workflow_id or ""
    parent = await parent_of(activity.client(), workflow_id, info.workflow_run_id or "")
    if parent is None:
        raise DeniedError("the server knows no run that started it: an Agent is no run of its own")
    if owner_of(parent.workflow_id) is not None:
        raise DeniedError(
            f"{parent.workflow_id!r} is the name of no run: who has voted there took it for "
            "something else"
        )
    if workflow_id != f"{parent.workflow_id}/{path}":
        raise DeniedError(
            f"a stage of {parent.workflow_id!r} has the id '{parent.workflow_id}/{path}', and this "
            f"execution is called {workflow_id!r}"
        )
    return parent


def _planned(request: messages.PhaseRequest, run: PlannedRun) -> AgentStep:
    """Return the step as the plan has it, which is what was asked for (4)."""
    plan = run.plan.plan
    step = next((each for each in walk(plan.steps) if each.path == request.step.path), None)
    if not isinstance(step, AgentStep):
        raise DeniedError(f"plan {run.plan.digest} has no such agent stage")
    ours, asked = step.model_dump(mode="json"), request.step.model_dump(mode="json")
    names = ours.keys() | asked.keys()  # some stand there only where they are declared
    altered = sorted(n for n in names if canonical(ours.get(n)) != canonical(asked.get(n)))
    if altered:
        raise DeniedError(f"the plan says otherwise about {', '.join(altered)}")
    for what, got, expected in (
        ("pipeline", request.pipeline, plan.name),
        ("agent", request.agent, step.agent),
        ("project", request.project, plan.project or run.workflow_id),
    ):
        if got != expected:
            raise DeniedError(f"{what} is {expected!r} by its plan, and {got!r} was asked for")
    return step

"""Where a run comes from: its plan, who vouched for that, and who started it.

It is found out once, after the run was admitted, and never changes: what depends on it, agents'
names and whom a gate may exclude, is made from it and not before.

1. The starter is whoever made the proof in the memo ``mandate.starter``. Temporal's own identity
   of a start is free text and proves nothing.
2. A gate that excludes somebody is refused while nobody knows who that is: a run that was started
   without a proof would let its starter approve it. A plan for which the installation itself
   vouches has no author to exclude.
3. A proof that is refused starts nothing less: it is recorded, and the starter is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs
from dsl.core import StageStatus
from dsl.plan import GateStep, Plan, walk
from dsl.rules.proofs.proof import PROOF_LENGTH_MAX, START
from dsl.rules.trust.admission import agent_identity
from dsl.shown.surfaces import Markdown
from dsl.values import strict_json
from dsl.values.canonical import digest_of
from dsl.values.strict_json import JsonError
from workflows.ledger.ledger_client import LedgerClient
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError

STARTER_MEMO: Final = "mandate.starter"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The plan, names and entities by role, and the proofs that a T3 worker verifies again."""

    plan: str  # digest
    registered: bool = False
    starter: str = ""  # name, for people to read
    starter_proof: str = ""
    author_proofs: tuple[str, ...] = ()
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_known: bool = False  # somebody has looked

    def identity(self, agent: str) -> str:
        """Return the name under which an agent of the plan is known.

        A registered plan runs the agents it names, an inline one agents of its own.
        """
        return agent_identity(agent, self.plan, registered=self.registered)


async def provenance_of(
    digest: str, inputs: dict[str, Any], standing: messages.Standing, ledger: LedgerClient
) -> Provenance:
    """Find out where a run comes from whose plan stands so on the ledger."""
    proof = _memo()
    starter = await _starter(proof, digest, inputs, ledger) if proof else messages.Proven()
    people = {
        "starter": frozenset({starter.entity, starter.name} - {""}),
        "author": frozenset(
            word for author in standing.authors for word in (author.entity, author.name)
        ),
    }
    return Provenance(
        plan=digest,
        registered=standing.registered,
        starter=starter.name,
        starter_proof=proof if starter.entity else "",
        author_proofs=tuple(author.proof for author in standing.authors),
        people=people,
        is_known=True,
    )


def require_known(plan: Plan, provenance: Provenance) -> None:
    """Refuse a plan with a gate that excludes somebody nobody knows (2).

    Raises:
        StageEndedError: it has one.
    """
    for step in walk(plan.steps):
        if isinstance(step, GateStep):
            _refuse_unknown(step, provenance)


def _memo() -> str:
    payload = workflow.info().raw_memo.get(STARTER_MEMO)
    if payload is None or len(payload.data) > PROOF_LENGTH_MAX + 2:
        return ""
    try:
        value = strict_json.read(payload.data, bytes_max=PROOF_LENGTH_MAX + 2)
    except JsonError:
        return ""
    return value if isinstance(value, str) else ""


async def _starter(
    proof: str, digest: str, inputs: dict[str, Any], ledger: LedgerClient
) -> messages.Proven:
    try:
        return await ledger.ask(
            specs.prove,
            messages.ProveRequest(
                purpose=START, about={"plan": digest, "inputs": digest_of(inputs)}, proof=proof
            ),
            activity_id="run/starter#1",
            summary=Markdown("who has started this run?"),
        )
    except ActivityError as error:  # (3) it is recorded, and the starter unknown
        workflow.logger.warning("the starter is not known: %s", failures.cause_of(error)[1])
        return messages.Proven()


def _refuse_unknown(step: GateStep, provenance: Provenance) -> None:
    fixes = {
        "starter": "start it with `mandate run PIPELINE` after `mandate login NAME`",
        "author": "register the plan: mandate register FILE",
    }
    for role in step.exclude:
        of_installation = provenance.registered and not provenance.author_proofs
        needs_none = role == "author" and of_installation
        if not provenance.people[role] and not needs_none:  # (2) nobody knows whom to exclude
            raise StageEndedError(
                failures.INVALID_PIPELINE,
                step.path,
                StageStatus.REJECTED,
                f"it excludes the {role}, and nobody has proven to be that: {fixes[role]}",
            )

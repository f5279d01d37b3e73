"""Names of facts on the ledger of which more than one room speaks. Wire names: never renamed."""

from __future__ import annotations

from typing import Final

RUN_STARTED: Final = "run.started"
RUN_ENDED: Final = "run.ended"
RUN_DISPUTED: Final = "run.disputed"  # workflow, run, count: history and ledger disagree; first
RUN_RESUMED: Final = "run.resumed"  # workflow, run, after, before: what of it may be reused
STAGE_REUSED: Final = "stage.reused"  # path, workflow, run, entry: of PACKAGE there; manifest
AGENT_REGISTERED: Final = "agent.registered"
AGENT_INTENDED: Final = "agent.intended"
AGENT_RETRIED: Final = "agent.retried"
AGENT_ENDED: Final = "agent.ended"
AGENT_ERRED: Final = "agent.erred"  # phase, errors: ids, and when each was made
STAGE_CLARIFIED: Final = "stage.clarified"  # path, number, by, before, plan: digests, reasons, …
AGENT_VIOLATED: Final = "agent.violated"  # kind, consequence, phase, detail
AGENT_DEMOTED: Final = "agent.demoted"  # was, now, because
AGENT_PROMOTED: Final = "agent.promoted"  # was, now, grant: place of the grant on the ledger
AGENT_REVOKED: Final = "agent.revoked"  # epoch, reason, by, how
AGENT_REINSTATED: Final = "agent.reinstated"  # epoch, now, grant
AGENT_REBOUND: Final = "agent.rebound"  # was, now, binding: its digest, and what it is; grant
VOTE_PROVEN: Final = "vote.proven"  # whose proof: entity, name; gate, opening, decision
VOTE_VOUCHED: Final = "vote.vouched"  # by a door: door, account, entity, name; gate, …
START_PROVEN: Final = "start.proven"  # who has started the run
PROOF_REFUSED: Final = "proof.refused"  # purpose, why; the digest of what was sent
REBIND_PROVEN: Final = "rebind.proven"  # who vouches for what an agent is bound to
CIRCUIT_PROVEN: Final = "circuit.proven"  # who orders something of a circuit breaker
CIRCUIT_ORDERED: Final = "circuit.ordered"  # circuit, order, by, how, reason, given_ms: when
CIRCUIT_CHANGED: Final = "circuit.changed"  # the same but for reason; was, now
CIRCUIT_MOVED: Final = "circuit.moved"  # by itself: circuit, was, now, why, at_ms
REVIEW_PROVEN: Final = "review.proven"  # who says what became of a suggestion
REVIEW_OUTCOME: Final = "review.outcome"  # suggestion, outcome, by, how, reason
HEALTH_CHANGED: Final = "health.changed"  # what, was, now, since_ms, why
TOOL_INTENDED: Final = "tool.intended"  # occurrence, ordinal, call, arguments, rule, policy, gate
TOOL_DENIED: Final = "tool.denied"  # the same, and why; policy: what the table made of it, if asked
TOOL_EFFECT: Final = "tool.effect"  # effect, occurrence, claim: it is its own from then on
TOOL_FREED: Final = "tool.freed"  # effect, occurrence, claim: it was not brought about
TOOL_SETTLED: Final = "tool.settled"  # occurrence, happened, gate: a person has said so
TOOL_ANSWERED: Final = "tool.answered"  # occurrence, status; answer: its digest, or why
TRUST_ASKED: Final = "trust.asked"  # kind, to, unmet, inputs: digest of what people sign
TRUST_GRANTED: Final = "trust.granted"  # kind, was, now, inputs, votes
TRUST_TRIAL: Final = "trust.trial"  # why: a tier that was lent, nobody has consented
TRUST_REFUSED: Final = "trust.refused"  # kind, asked, why

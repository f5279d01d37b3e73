"""What activities see an agent do that it must not, and how a workflow learns of it.

1. An activity that cannot go on raises ``ViolationError``; one that has delivered all the same puts
   what it has seen into its result. What follows is for the workflow to decide.
2. An agent that did not deliver may have broken a rule thereby: its error says which.
3. What an agent has put out counts however it ends. A secret in it outranks a failure of another
   kind: the failure may be tried again, and the secret would be said again. What may stand there
   by chance is none: see ``integrations.redaction``.
"""

from __future__ import annotations

from typing import Final

from activities.contracts.resumption import Violated
from dsl.rules.trust.violations import Violation
from integrations.agents.contract import protocol
from integrations.agents.contract.protocol import AgentError

_OF_AN_ERROR: Final = {
    protocol.PROTOCOL: Violation.WRONG_OUTPUT,
    protocol.ESCAPE: Violation.SANDBOX_ESCAPE,
}


class ViolationError(Exception):
    """An agent did what it must not; final for the activity."""

    def __init__(self, kind: Violation, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def violation_of(error: AgentError) -> Violation | None:
    """Return the rule an agent broke when it did not deliver; None: it just failed (2)."""
    if error.kind not in _OF_AN_ERROR and error.secrets:
        return Violation.SECRET_IN_OUTPUT  # (3) outranks a failure of another kind
    return _OF_AN_ERROR.get(error.kind)


def said(secrets: int, tokens: int) -> tuple[Violated, ...]:
    """Return what an agent has done by what it said: how many secrets and tokens were in it."""
    found = []
    if secrets:
        what = f"{secrets} times a secret it was told stood in its output, and was taken out"
        found.append(Violated(kind=Violation.SECRET_IN_OUTPUT, detail=what))
    if tokens:
        what = f"{tokens} times text like a token of Vault stood in its output, and was taken out"
        found.append(Violated(kind=Violation.TOKEN_IN_OUTPUT, detail=what))
    return tuple(found)

"""What an agent must not do, and what follows when it does.

Seen by activities, decided here, carried out by the workflow of the stage. The rules:

1. Three things may follow. *Warn*: it is recorded and the stage goes on. *Demote*: the agent loses
   one tier at once and the stage fails. *Revoke*: the agent is stopped everywhere.
2. What may also be an accident of the machine, or a mistake of ours, never costs a tier.
3. What is on this list costs what it says; a kind that is not on it is a bug, never a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

EXHAUSTED_RUNS: Final = 3  # in a row


class Violation(StrEnum):
    """The kinds; values are wire values, on the ledger and in histories."""

    PHASE_ORDER = "phase-order"
    WRONG_OUTPUT = "wrong-output"
    STALE_FENCE = "stale-fence"
    BUDGET_EXHAUSTED = "budget-exhausted"
    DENIED_PATH = "denied-path"
    LATE_RESULT = "late-result"
    PLAN_EXHAUSTED = "plan-exhausted"
    SANDBOX_ESCAPE = "sandbox-escape"
    SECRET_IN_OUTPUT = "secret-in-output"  # noqa: S105  # a kind, no secret
    TOKEN_IN_OUTPUT = "token-in-output"  # noqa: S105  # a kind, no token


class Consequence(StrEnum):
    """What follows (1); values are wire values."""

    WARN = "warn"
    DEMOTE = "demote"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows on one kind, and why just that."""

    consequence: Consequence
    why: str


RULES: Final[Mapping[Violation, Rule]] = MappingProxyType(
    {
        Violation.PHASE_ORDER: Rule(
            Consequence.DEMOTE,
            "A phase that is left out or done again is a check that was not made.",
        ),
        Violation.WRONG_OUTPUT: Rule(
            Consequence.DEMOTE,
            "Who does not keep to the contract about results and artefacts cannot be built upon.",
        ),
        Violation.STALE_FENCE: Rule(
            Consequence.WARN,
            "A machine that stood still looks the same as an agent that acts without its lease.",
        ),
        Violation.BUDGET_EXHAUSTED: Rule(
            Consequence.DEMOTE,
            f"Using up all tries in {EXHAUSTED_RUNS} runs in a row is no bad luck any more.",
        ),
        Violation.DENIED_PATH: Rule(
            Consequence.DEMOTE,
            "It reached for what the tier that it holds does not open.",
        ),
        Violation.LATE_RESULT: Rule(
            Consequence.WARN,
            "It was told to stop and may not have heard in time; what it brought is thrown away.",
        ),
        Violation.PLAN_EXHAUSTED: Rule(
            Consequence.REVOKE,
            "Its pipeline says so: it has spent its budget under every plan it was given.",
        ),
        Violation.SANDBOX_ESCAPE: Rule(
            Consequence.REVOKE,
            "Nothing an agent is asked to do leads out of its directory or outlives its end.",
        ),
        Violation.SECRET_IN_OUTPUT: Rule(
            Consequence.DEMOTE,
            "A secret it was handed over stood in what it put out, where others read.",
        ),
        Violation.TOKEN_IN_OUTPUT: Rule(
            Consequence.WARN,
            "Text that looks like a token of Vault may be source code.",
        ),
    }
)


def consequence_of(kind: str) -> Consequence:
    """Return what follows on a violation of that kind.

    Raises:
        ValueError: there is no such kind (3).
    """
    return RULES[Violation(kind)].consequence


def uses_up_its_budget(exhausted_in_a_row: int) -> bool:
    """Tell whether that many runs in a row, all tries used up in each, are a violation.

    Every further ``EXHAUSTED_RUNS`` are one more, so that each costs one tier and not each run.
    """
    return exhausted_in_a_row > 0 and exhausted_in_a_row % EXHAUSTED_RUNS == 0

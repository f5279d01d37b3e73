"""Gates that no plan names: a run opens them for a stage, as ``<stage>/<kind>-<number>``. Pure.

Whoever is asked to sign at one wants to know that its plan lets anybody be asked there:

1. *question*: the stage may ask people.
2. *clarify*: people, or a council, say how its plan is clarified.
3. *call*: a rule of its tools asks people.
4. *outcome*: it has tools, and there is somebody who may be asked whether a call was made.
5. Each is numbered from one on, as often as it may be asked.
"""

from __future__ import annotations

import re
from typing import Final

from dsl.limits import QUESTIONS_MAX, TOOL_CALLS_ASKED_MAX
from dsl.plan import AgentStep, Plan, walk

QUESTION: Final = "question"
CLARIFY: Final = "clarify"
CALL: Final = "call"
OUTCOME: Final = "outcome"
KINDS: Final = (QUESTION, CLARIFY, CALL, OUTCOME)
_NAME: Final = re.compile(r"([a-z]+)-([1-9][0-9]{0,3})")


def question_name(number: int) -> str:
    """Return the name of the gate at which an agent asks, and of what is approved there."""
    return f"{QUESTION}-{number}"


def call_name(kind: str, number: int) -> str:
    """Return the name of a gate about a call of a tool; ``kind``: what is asked of it."""
    return f"{CALL if kind == 'approve' else kind}-{number}"


def own_of(gate: str) -> tuple[str, str, str]:
    """Return the stage that a gate of that path is opened for, its name, and its kind.

    The kind is empty where no run opens such a gate by itself.
    """
    stage, _, name = gate.rpartition("/")
    numbered = _NAME.fullmatch(name)
    kind = numbered.group(1) if numbered is not None else ""
    return stage, name, kind if kind in KINDS else ""


def may_be_opened(plan: Plan, gate: str) -> bool:
    """Tell whether a run of ``plan`` may open a gate of that path which the plan does not name."""
    path, _, name = gate.rpartition("/")
    numbered = _NAME.fullmatch(name)
    for step in walk(plan.steps):
        if numbered is not None and isinstance(step, AgentStep) and step.path == path:
            kind, number = numbered.groups()
            return int(number) <= _most(step).get(kind, 0)  # (5) as often as it may be asked
    return False


def _most(step: AgentStep) -> dict[str, int]:
    """Return how many gates of each kind may be opened for a stage (1) to (4)."""
    asks_calls = any(rule.approve is not None for rule in step.tools)
    has_somebody = asks_calls or (bool(step.tools) and step.questions is not None)
    return {
        QUESTION: QUESTIONS_MAX if step.questions is not None else 0,
        CLARIFY: step.clarifications if step.clarify is not None else 0,
        CALL: TOOL_CALLS_ASKED_MAX if asks_calls else 0,
        OUTCOME: TOOL_CALLS_ASKED_MAX if has_somebody else 0,
    }

"""What the ledger is told of a call, by whichever way it was decided.

1. When it was decided, by the clock of the workflow: an entry gets there later, for a call that
   people are asked about by hours, and limits of a time are counted from the decision.
2. What the table has made of it (``policy``), where it was asked. A call that it lets through may
   be denied all the same: its effect is claimed, the stage is over, people said no.
3. The arguments so that they can be decided about again: see ``dsl.rules.tools.kept``.
4. A run that has told less of its calls goes on so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow

from dsl.rules.tools.calls import Occurrence
from dsl.rules.tools.kept import ARGUMENTS, EXACTLY, exact_text
from dsl.rules.tools.ruling import Ruling
from workflows.ledger.facts import fact

DECIDED: Final = "decided_ms"
PATCH: Final = "calls-told-exactly"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was made of one call, and when."""

    occurrence: Occurrence
    ruling: Ruling
    at_ms: int
    is_of_table: bool = True  # (2) False: it was not asked, an equal call stands in the way

    def facts(self) -> dict[str, Any]:
        """Return what every entry about the call says."""
        call = self.occurrence.call
        said: dict[str, Any] = {
            "occurrence": self.occurrence.digest(),
            "ordinal": self.occurrence.ordinal,
            "call": call.name,
            ARGUMENTS: call.arguments,
            "purpose": call.purpose,
            "rule": self.ruling.rule,
        }
        if tells_exactly():
            said[DECIDED] = self.at_ms  # (1) entries come later
            exactly = exact_text(call.arguments, fact({ARGUMENTS: call.arguments})[ARGUMENTS])
            said |= {} if exactly is None else {EXACTLY: exactly}  # (3) again
        return said


def tells_exactly() -> bool:
    """Tell whether this run tells all of it (4)."""
    return workflow.patched(PATCH)

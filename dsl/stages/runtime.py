"""What does an agent's work, as its template says.

1. A ``process`` is a program that Mandate starts, in its sandbox. An ``activity`` or a ``workflow``
   is one of that type which a worker of somebody else's serves on that task queue.
2. No queue of ours is a target: whoever serves those is trusted.
3. It holds no more than T2; ``dsl.checks.runtimes`` looks after that for each stage, and after
   secrets.
4. An activity gives signs of life, at least as often as it says: with them it learns that it is to
   stop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, field_validator

from dsl import limits
from dsl.core import Tier
from dsl.stages.fields import refused
from dsl.stages.stage import Document
from dsl.values.durations import Duration, render_duration

TEMPORAL_NAME_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$"  # of a type, or a task queue
DELEGATED_TIER_MAX: Final = Tier.T2  # (3) no more than that
WHY_NOT_HIGHER: Final = (
    "from T3 on a worker verifies plan, votes and digests itself before it acts, and nobody can "
    "see that somebody else's does"
)
OF_A_TARGET: Final = ("type", "queue", "heartbeat")
_OUR_QUEUE: Final = "mandate"  # and all that begins so: see ``activities.contracts.specs``

_TemporalName = Annotated[
    str, Field(pattern=TEMPORAL_NAME_PATTERN, max_length=limits.TEMPORAL_NAME_LENGTH_MAX)
]


# What an editor shows of the fields below.
EXPLAINED: Final[Mapping[str, str]] = {
    "runtime": "process: a program that Mandate starts in its sandbox. activity, workflow: one "
    "of that type, which your own worker serves on that task queue.",
    "type": "Of the activity or workflow, as its worker registers it.",
    "queue": "The task queue that its worker serves; none of Mandate's own.",
    "heartbeat": "How long the activity may give no sign of life, with a unit; default: "
    f"{render_duration(limits.BODY_HEARTBEAT_MS)}.",
}


class Runtime(StrEnum):
    """What does the work."""

    PROCESS = "process"
    ACTIVITY = "activity"
    WORKFLOW = "workflow"


class RuntimeFields(Document):
    """The fields that say so."""

    runtime: Runtime = Runtime.PROCESS  # (1) a program of its own
    type: _TemporalName | None = None
    queue: _TemporalName | None = None
    heartbeat: Duration | None = None  # (4) default: BODY_HEARTBEAT_MS

    @property
    def is_delegated(self) -> bool:
        """Tell whether somebody else's worker does the work."""
        return self.runtime is not Runtime.PROCESS

    @field_validator("heartbeat")
    @classmethod
    def _heard_in_time(cls, heartbeat_ms: int | None) -> int | None:
        least, most = limits.HEARTBEAT_MS_MIN, limits.HEARTBEAT_MS_MAX
        if heartbeat_ms is not None and not least <= heartbeat_ms <= most:
            raise refused(
                f"expected {render_duration(least)} to {render_duration(most)}: an activity learns "
                "with a heartbeat that it is to stop"
            )
        return heartbeat_ms


def check_target(template: RuntimeFields, tier: Tier) -> None:
    """Refuse a target that is missing, is ours (2), or is to hold more than it can (3)."""
    for name in ("type", "queue"):
        if getattr(template, name) is None:
            raise refused(f"runtime {template.runtime} needs {name}:")
    if re.match(rf"{_OUR_QUEUE}(-|$)", template.queue or ""):
        raise refused(
            f"queue {template.queue!r} is Mandate's own, as is every name that begins with "
            f"'{_OUR_QUEUE}-': name the task queue of your worker"
        )
    if tier > DELEGATED_TIER_MAX:
        raise refused(
            f"runtime {template.runtime} takes at most {DELEGATED_TIER_MAX.name}, got "
            f"{tier.name}: {WHY_NOT_HIGHER}"
        )
    if template.runtime is Runtime.WORKFLOW:
        refuse_fields(template, ("heartbeat",))


def refuse_fields(template: RuntimeFields, names: Sequence[str]) -> None:
    """Refuse fields that mean nothing to its runtime."""
    said = [name for name in names if name in template.model_fields_set]
    if said:
        raise refused(
            f"a template of runtime {template.runtime} has no {', '.join(said)}: remove it, or say "
            "another runtime"
        )

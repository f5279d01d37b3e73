"""From what a run answers to ``status`` to what people are told of it.

1. The answer is another program's: what is missing or of another type is left out, and nothing that
   it says is too long.
2. Of more than a message shows, what went wrong and what waits comes first.
3. The arguments of a call and the plan that an answer has clarified are in no message. Who decides
   on them sees them first, where all of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dsl.core import StageStatus, StageType
from dsl.limits import (
    NOTIFY_DECIDED_MAX,
    NOTIFY_GATES_MAX,
    NOTIFY_STAGES_MAX,
)
from dsl.rules.notify.snapshot import (
    RUNNING,
    DecidedSnapshot,
    GateSnapshot,
    RunSnapshot,
    StageSnapshot,
)
from dsl.rules.run.foremost import counted, foremost

OUTPUTS_NAMED_MAX: Final = 5
PAUSED: Final = "paused"


def snapshot_of(status: Mapping[str, Any], *, workflow: str, run: str) -> RunSnapshot:
    """Return the run that answers so; of one that is under way."""
    gates = [row for row in _rows(status.get("waiting_for")) if row.get("gate")]
    stages = _stages(status.get("stages"))
    shown = foremost(stages, NOTIFY_STAGES_MAX)  # (2) what went wrong first
    return RunSnapshot(
        workflow=workflow,
        run=run,
        pipeline=_text(status.get("pipeline")),
        version=_text(status.get("version")),
        status=PAUSED if status.get("paused") is True else RUNNING,
        gates=tuple(map(_gate, gates[:NOTIFY_GATES_MAX])),
        more_gates=max(0, len(gates) - NOTIFY_GATES_MAX),
        decided=tuple(_decided(status.get("approvals"))),
        stages=tuple(
            StageSnapshot(
                path=path,
                type=StageType(stages[path]["type"]),
                status=StageStatus(stages[path]["status"]),
                detail=stages[path]["detail"],
            )
            for path in shown
        ),
        counts={each.value: count for count, each in counted(stages)},
    )


def is_shown_elsewhere(row: Mapping[str, Any]) -> bool:
    """Tell whether a gate asks for what no message shows (3)."""
    return bool(row.get("call") or row.get("clarification"))


def _gate(row: Mapping[str, Any]) -> GateSnapshot:
    outputs = [
        f"{_text(each.get('stage'))}: {_text(each.get('name'))}"
        for each in _rows(row.get("outputs"))[:OUTPUTS_NAMED_MAX]
    ]
    return GateSnapshot(
        path=_text(row.get("gate")),
        opening=_number(row.get("opening")),
        escalated=row.get("escalated") is True,
        asked=_text(row.get("still_needed_of")),
        needed=_number(row.get("still_needed")),
        due=_text(row.get("due")),
        description=_text(row.get("description")),
        identity=tuple(_words(row.get("identity"))),
        # What is answered to a question is said as the reason.
        reason_required=row.get("reason_required") is True or bool(row.get("question")),
        subject=_text(row.get("subject_digest")),
        outputs=tuple(outputs),
        reminders=_number(row.get("reminders")),
        is_shown_elsewhere=is_shown_elsewhere(row),
    )


def _decided(rows: Any) -> Iterator[DecidedSnapshot]:
    for row in _rows(rows)[-NOTIFY_DECIDED_MAX:]:
        yield DecidedSnapshot(
            path=_text(row.get("gate")),
            opening=_number(row.get("opening")),
            verdict=_text(row.get("verdict")),
            detail=_text(row.get("detail")),
        )


def _stages(rows: Any) -> dict[str, dict[str, str]]:
    if not isinstance(rows, dict):
        return {}
    statuses, types = {each.value for each in StageStatus}, {each.value for each in StageType}
    return {
        str(path): {name: _text(row.get(name)) for name in ("type", "status", "detail")}
        for path, row in rows.items()
        if isinstance(row, dict) and row.get("status") in statuses and row.get("type") in types
    }


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _words(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""  # (1) left out


def _number(value: Any) -> int:
    return value if type(value) is int else 0

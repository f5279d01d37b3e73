"""What a run answers to queries, made to fit: a query that cannot be answered hides every gate.

1. An answer may weigh ``ANSWER_BYTES_MAX``. A larger one leaves out, only as far as it must: of
   the pending gates the inputs of the run, which all have in common, then what is told of outputs
   and votes, then the digests of what is approved, then all but what a gate is asked for by; of the
   stages the rest of long sentences; of the gates that were decided, for which the least room is
   kept, the votes, and then all.
2. It says what it left out. Asked about one gate, ``gates`` answers in full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dsl.limits import ANSWER_BYTES_MAX
from dsl.values.sizes import wire_bytes

Row = dict[str, Any]

SENTENCE_MAX: Final = 100  # characters
# What people's commands cannot do without.
_ESSENTIAL: Final = ("gate", "opening", "escalated", "due", "plan", "inputs", "subject_digest")


def gate_rows(
    rows: Sequence[Row], inputs: Row, *, room: int = ANSWER_BYTES_MAX
) -> tuple[list[Row], list[str]]:
    """Return the pending gates with the run's inputs, and what of them was left out (1)."""
    size = wire_bytes(rows)
    if size + len(rows) * (wire_bytes(inputs) + len('"run_inputs":,')) <= room:
        return [{**row, "run_inputs": inputs} for row in rows], []
    fitted, left_out = list(rows), ["run_inputs"]
    for what, shorten in _STEPS:
        if size <= room:
            break
        fitted = [shorten(row) for row in rows]
        left_out.append(what)
        size = wire_bytes(fitted)
    while fitted and size > room:
        fitted = fitted[: len(fitted) * 3 // 4]
        size = wire_bytes(fitted)
    if len(fitted) < len(rows):
        left_out.append(f"{len(rows) - len(fitted)} gates")
    return fitted, left_out


def stage_rows(stages: dict[str, Row]) -> tuple[dict[str, Row], list[str]]:
    """Return the stages, and what of them was left out; they take two thirds at most (1)."""
    if wire_bytes(stages) <= ANSWER_BYTES_MAX // 3:
        return stages, []
    short = {path: {**row, "detail": row["detail"][:SENTENCE_MAX]} for path, row in stages.items()}
    return short, ["detail"]


def decided_rows(rows: Sequence[Row], *, room: int) -> tuple[list[Row], list[str]]:
    """Return the gates that were decided, and what of them was left out (1)."""
    if wire_bytes(rows) <= room:
        return list(rows), []
    counts = [{**row, "votes": len(row["votes"])} for row in rows]
    return (counts, ["votes"]) if wire_bytes(counts) <= room else ([], ["approvals"])


def _without_outputs(row: Row) -> Row:
    return {**row, "outputs": [], "voted": []}


def _without_subject(row: Row) -> Row:
    return {**row, "subject": {}, "vault": {**row["vault"], "requests": []}}


def _essential(row: Row) -> Row:
    return {name: row[name] for name in _ESSENTIAL}


_STEPS: Final[tuple[tuple[str, Callable[[Row], Row]], ...]] = (
    ("outputs", _without_outputs),
    ("subject", _without_subject),
    ("all but the names", _essential),
)

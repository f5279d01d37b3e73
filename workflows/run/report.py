"""The report of a run, made to fit: a run ends with its report, or never.

1. What a report may weigh is ``REPORT_BYTES_MAX``. A larger one leaves out, in this order and
   only as far as it must: what stages put out for conditions, their lists of outputs (the
   manifest, which names them all by digest, stays), the votes, and long sentences.
2. It says what it left out: ``truncated`` is true and ``left_out`` lists it. Outputs are in
   the artefact store, votes and ends on the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dsl.limits import REPORT_BYTES_MAX
from dsl.rules.run.reuse import MANIFEST
from dsl.values.sizes import wire_bytes

SENTENCE_MAX: Final = 100  # characters


def within_limit(report: dict[str, Any]) -> dict[str, Any]:
    """Return ``report``, or what of it fits (1)."""
    if wire_bytes(report) <= REPORT_BYTES_MAX:
        return report
    left_out: list[str] = []
    short = {**report, "truncated": True, "left_out": left_out}  # (2) it says what it left out
    for what, leave_out in _STEPS:
        left_out.append(what)
        short = leave_out(short)
        if wire_bytes(short) <= REPORT_BYTES_MAX:
            break
    return short


def _each_stage(
    report: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    stages = {path: {**row, **change(row)} for path, row in report["stages"].items()}
    return {**report, "stages": stages}


def _output(report: dict[str, Any]) -> dict[str, Any]:
    return _each_stage(report, lambda _: {"output": {}})


def _outputs(report: dict[str, Any]) -> dict[str, Any]:
    def manifest(row: dict[str, Any]) -> dict[str, Any]:
        return {"outputs": [output for output in row["outputs"] if output["name"] == MANIFEST]}

    return _each_stage(report, manifest)


def _votes(report: dict[str, Any]) -> dict[str, Any]:
    approvals = [{**gate, "votes": len(gate["votes"])} for gate in report["approvals"]]
    return {**report, "approvals": approvals}


def _sentences(report: dict[str, Any]) -> dict[str, Any]:
    approvals = [{**gate, "detail": gate["detail"][:SENTENCE_MAX]} for gate in report["approvals"]]
    short = _each_stage(report, lambda row: {"detail": row["detail"][:SENTENCE_MAX]})
    return {**short, "approvals": approvals}


def _all_but_status(report: dict[str, Any]) -> dict[str, Any]:
    stages = {path: {"status": row["status"]} for path, row in report["stages"].items()}
    return {**report, "stages": stages, "approvals": []}


_STEPS: Final = (
    ("output", _output),
    ("outputs", _outputs),
    ("votes", _votes),
    ("detail", _sentences),
    ("all but the status of each stage", _all_but_status),
)

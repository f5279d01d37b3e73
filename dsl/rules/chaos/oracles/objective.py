"""The objective was reached, or why not is said by name.

1. A run that is watched has completed with all stages that must be ready completed, and their
   outputs whole in the store; Dragonfly counts them as ready, where it still knows the project.
2. Otherwise it has failed with a failure that is meant: it has a type and a sentence, its report,
   and no stack trace, which stands for a fault. Or somebody has cancelled or terminated it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dsl.rules.chaos.evidence import Evidence, Watched
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.history import End, History
from dsl.rules.reconciliation.implied import report_in

_REFUSED: Final = ("InvalidPipeline", "NotProven")  # before there was anything to report


def _look(evidence: Evidence) -> Iterator[Finding]:
    for watched in evidence.watched:
        runs = evidence.runs_of(watched.workflow_id)
        last = runs[-1] if runs else None
        if last is None or last.end is None:  # said by another oracle
            continue
        where = f"{last.workflow_id}, run {last.run_id}, event {last.end.event}"
        if last.end.status == "COMPLETED":
            yield from _reached(watched, last, evidence, where)
        elif last.end.status == "FAILED":
            yield from _named(last.end, where)


def _reached(
    watched: Watched, history: History, evidence: Evidence, where: str
) -> Iterator[Finding]:
    report: Any = history.end.result if history.end else None
    if not isinstance(report, Mapping) or report.get("status") != "completed":
        yield Finding("a report that says completed", str(report)[:200], where)
        return
    by_path = report.get("stages") or {}
    for path in watched.ready:
        stage = by_path.get(path) or {}
        if stage.get("status") != "completed":  # (1) ready
            yield Finding(f"stage {path} completed", str(stage.get("status")), where)
        for output in stage.get("outputs") or ():
            if not evidence.artifacts.get(output.get("digest"), False):
                found = f"{output.get('name')}, {output.get('digest')}: gone or altered"
                yield Finding(f"every output of {path} whole in the store", found, where)


def _named(end: End, where: str) -> Iterator[Finding]:
    failure = end.failure or {}
    told = failure.get("applicationFailureInfo") or {}
    kind, message = told.get("type", ""), str(failure.get("message", ""))
    if not kind or not message.strip() or failure.get("stackTrace"):  # (2) by name
        yield Finding("a failure of ours that says why", f"{kind or 'none'}: {message}", where)
    elif kind not in _REFUSED and not report_in(failure):
        yield Finding("the report of the run with its failure", f"{kind} without one", where)


OBJECTIVE: Final = Oracle("objective", "The objective was reached, or why not is named.", _look)

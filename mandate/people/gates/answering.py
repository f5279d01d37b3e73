"""The lines that answer a gate, to be copied where a person sees that it is open.

A proof is always good. Where voters are taken at their word, a vote over the plain Temporal CLI is
as well, so that line stands beside it. Where one of several answers is asked for, each has a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dsl.shown.surfaces import Terminal

_CLAIMED: Final = "claimed"
_REASON: Final = "..."
_NOBODY: Final = "NAME"  # where only groups are asked: whoever votes writes their own


def answers(run: str, row: Mapping[str, Any]) -> Iterator[Terminal]:
    """Yield the lines that answer the pending gate of a run.

    Args:
        run: its workflow id.
        row: of the gate, in an answer to the query ``status`` or ``gates``.
    """
    gate, needs_reason = str(row.get("gate", "")), row.get("reason_required") is True
    is_question = isinstance(row.get("question"), Mapping)
    if is_question:
        for answer in _listed(row["question"].get("choices")) or [_REASON]:
            yield Terminal.command("mandate approve {} {} --answer {}", run, gate, answer)
    elif needs_reason:
        yield Terminal.command("mandate approve {} {} --reason {}", run, gate, _REASON)
    else:
        yield Terminal.command("mandate approve {} {}", run, gate)
    if _CLAIMED not in _listed(row.get("identity")):
        return
    vote = {"gate": gate, "decision": "approve", "voter": _voter(row)}
    if needs_reason or is_question:
        vote["answer" if is_question else "reason"] = _REASON
    yield Terminal.command(
        "temporal workflow signal -w {} --name vote --input {}", run, json.dumps(vote)
    )


def rejection(run: str, row: Mapping[str, Any]) -> Terminal:
    """Return the line that rejects at the pending gate of a run, see ``answers``."""
    gate = str(row.get("gate", ""))
    if row.get("reason_required") is True:
        return Terminal.command("mandate reject {} {} --reason {}", run, gate, _REASON)
    return Terminal.command("mandate reject {} {}", run, gate)


def _voter(row: Mapping[str, Any]) -> str:
    names = (name for name in _listed(row.get("approvers")) if not name.startswith("group:"))
    return next(names, _NOBODY)


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []

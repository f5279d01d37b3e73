"""``mandate approve``."""

from __future__ import annotations

from mandate.cli_options import Answer, AsJson, DataDir, Gate, Reason, Run, Yes, end, said
from mandate.people.gates.wishes import APPROVE, Wish


def command(
    run: Run,
    gate: Gate,
    *,
    reason: Reason = "",
    answer: Answer = None,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Approve at a gate, with proof; exit code 0 only when the vote counted."""
    from mandate.work.gates.answer import run as vote

    wish = Wish(run, gate, APPROVE, said(reason, answer), is_answer=answer is not None)
    end(vote(wish, is_sure=yes, as_json=as_json, data_dir=data_dir))

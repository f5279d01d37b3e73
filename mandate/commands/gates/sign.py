"""``mandate sign``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mandate.cli_options import Answer, DataDir, Gate, Reason, Run, end, said
from mandate.people.gates.wishes import APPROVE, REJECT, Wish


class Decision(StrEnum):
    """What a voter says."""

    APPROVE = APPROVE
    REJECT = REJECT


def command(
    run: Run,
    gate: Gate,
    decision: Annotated[Decision, typer.Argument(help="What you say.")],
    *,
    reason: Reason = "",
    answer: Answer = None,
    data_dir: DataDir = None,
) -> None:
    """Print your vote with its proof, as input for the Temporal CLI or the Web UI."""
    from mandate.work.gates import sign

    wish = Wish(run, gate, decision.value, said(reason, answer), is_answer=answer is not None)
    end(sign.run(wish, data_dir=data_dir))

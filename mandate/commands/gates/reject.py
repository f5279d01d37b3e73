"""``mandate reject``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, Gate, Reason, Run, Yes, end
from mandate.people.gates.wishes import REJECT, Wish


def command(
    run: Run,
    gate: Gate,
    *,
    reason: Reason = "",
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Reject at a gate, with proof; exit code 0 only when the vote counted."""
    from mandate.work.gates.answer import run as vote

    wish = Wish(run, gate, REJECT, reason)
    end(vote(wish, is_sure=yes, as_json=as_json, data_dir=data_dir))

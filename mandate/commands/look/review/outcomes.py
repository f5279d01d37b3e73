"""``mandate review outcomes``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end

Suggestion = Annotated[
    str | None,
    typer.Argument(metavar="SUGGESTION", help="Its name; without one, outcomes are listed."),
]
What = Annotated[
    str | None, typer.Argument(metavar="OUTCOME", help="accepted, rejected or reverted.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]


def command(
    suggestion: Suggestion = None,
    outcome: What = None,
    reason: Why = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List what became of suggestions, and what is learned from it; or record it."""
    from mandate.work.review import outcomes

    if suggestion is None:
        end(outcomes.show(as_json=as_json, data_dir=data_dir))
    end(outcomes.record(suggestion or "", outcome or "", reason, data_dir=data_dir))

"""What several commands share: their options, their place in ``--help``, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

# The panels of ``mandate --help``: a command says in which of them it stands.
RUNS: Final = "Runs"
GATES: Final = "Gates"
TRUST: Final = "Trust"
LOOK: Final = "Look"
OPERATE: Final = "Operate"

DataDir = Annotated[Path | None, typer.Option(help="Directory of a stack; default .mandate")]
Run = Annotated[str, typer.Argument(help="The workflow id of a run.")]
LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", help="The file; default MANDATE_LEDGER, else .mandate")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


def end(code: int) -> None:
    """End the command with that exit code."""
    raise typer.Exit(code)

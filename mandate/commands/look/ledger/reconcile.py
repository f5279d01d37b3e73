"""``mandate ledger reconcile``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, LedgerFile, end, named


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            help="Workflow id of a run; default: the latest that are over.", callback=named
        ),
    ] = None,
    *,
    run_id: Annotated[
        str, typer.Option("--run-id", help="Which of several runs of RUN; default: the latest.")
    ] = "",
    last: Annotated[int, typer.Option(min=1, max=5_000, help="So many, without a RUN.")] = 100,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say where the ledger and the histories of runs do not agree, either way."""
    from mandate.work.look.ledger import locate
    from mandate.work.look.reconciling import run as reconciling

    if run_id and run is None:
        raise typer.BadParameter("--run-id: name the RUN as well")
    file = locate(ledger, data_dir)
    end(reconciling(run, file, last, run_id=run_id, data_dir=data_dir, as_json=as_json))

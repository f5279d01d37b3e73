"""``mandate tools replay``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, LedgerFile, end, named


def command(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Past runs that called.", callback=named),
    ],
    policy: Annotated[
        str, typer.Option("--policy", help="A pipeline with other tables: a name, or a file.")
    ],
    *,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=value, may be repeated.")
    ] = None,
    as_json: AsJson = False,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say what other tables would have made of the calls of past runs; nothing is called."""
    from mandate.work.operate import tools_replay

    end(
        tools_replay.run(
            runs,
            policy,
            inputs=inputs or [],
            as_json=as_json,
            ledger=ledger,
            data_dir=data_dir,
        )
    )

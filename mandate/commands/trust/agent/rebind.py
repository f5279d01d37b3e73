"""``mandate agent rebind``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, Reason, end


def command(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="Name or file.")],
    agents: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Default: all of the pipeline.")
    ] = None,
    *,
    reason: Reason,
    data_dir: DataDir = None,
) -> None:
    """Vouch for agents whose program was released anew; they keep their record, one tier less."""
    from mandate.work.trust import rebind

    end(rebind.run(pipeline, agents or [], reason, data_dir=data_dir))

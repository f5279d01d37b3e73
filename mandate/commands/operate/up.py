"""``mandate up``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import end
from mandate.stack.options import (
    CONSOLE_PORT,
    DATA_DIR,
    DRAGONFLY_PORT,
    TEMPORAL_PORT,
    UI_PORT,
    VAULT_PORT,
    StackOptions,
)

_PORT = typer.Option(min=0, max=65535, help="0 = any free one.")


def command(
    *,
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = DATA_DIR,
    temporal_port: Annotated[int, _PORT] = TEMPORAL_PORT,
    ui_port: Annotated[int, _PORT] = UI_PORT,
    vault_port: Annotated[int, _PORT] = VAULT_PORT,
    dragonfly_port: Annotated[int, _PORT] = DRAGONFLY_PORT,
    health_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65532,
            envvar="MANDATE_HEALTH_PORT",
            help="Serve health: the ledger's worker here, the others on the next three.",
        ),
    ] = None,
    console: Annotated[bool, typer.Option("--console", help="Serve the console as well.")] = False,
    console_port: Annotated[int, _PORT] = CONSOLE_PORT,
    trial: Annotated[
        bool, typer.Option("--trial", help="Lend T3 to an agent, to try a change of production.")
    ] = False,
) -> None:
    """Run servers and workers here, until Ctrl-C.

    TEMPORAL_ADDRESS, VAULT_ADDR and MANDATE_DRAGONFLY_URL name servers to use instead of our own.
    """
    from mandate.work.operate import up
    from mandate.work.operate.needed import require_extra

    if console:
        require_extra("starlette", "console")
    wanted = StackOptions(
        data_dir=data_dir,
        temporal_port=temporal_port,
        ui_port=ui_port,
        vault_port=vault_port,
        dragonfly_port=dragonfly_port,
        console_port=console_port if console else None,
        health_port=health_port,
        trial=trial,
    )
    end(up.run(wanted))

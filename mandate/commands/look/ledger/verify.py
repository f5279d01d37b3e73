"""``mandate ledger verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, LedgerFile, end


def command(
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head noted earlier, which it must still hold."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the whole chain and say whether anything was changed."""
    from integrations.ledger.noted import NotedHead
    from mandate.work.look.ledger import locate, verify

    try:
        noted = None if head is None else NotedHead.parse(head)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--head") from None
    end(verify(locate(ledger, data_dir), noted, as_json=as_json))

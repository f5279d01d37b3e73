"""``mandate ledger verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import (
    AnchorSpecs,
    AsJson,
    DataDir,
    LedgerFile,
    LedgerKeys,
    Offline,
    end,
)


def command(
    *,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head noted earlier, which it must still hold."),
    ] = None,
    anchor: AnchorSpecs = None,
    key: LedgerKeys = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Recompute chain and tree, and say whether anything differs from what the anchors hold."""
    from integrations.ledger.noted import NotedHead
    from mandate.work.look.ledger import locate, verify

    try:
        noted = None if head is None else NotedHead.parse(head)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--head") from None
    code = verify(
        locate(ledger, data_dir),
        noted,
        anchors=anchor or (),
        keys=key or (),
        offline=offline,
        data_dir=data_dir,
        as_json=as_json,
    )
    end(code)

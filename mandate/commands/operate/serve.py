"""``mandate serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, end


def command(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free one.")] = 8300,
    origin: Annotated[
        str, typer.Option(help="The address people use, behind a proxy: https://NAME")
    ] = "",
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="A proxy whose X-Forwarded-For is believed: address or network."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the console, and what other systems tell us, until Ctrl-C."""
    from mandate.work.operate.needed import require_extra

    require_extra("starlette", "console")
    from mandate.work.operate import serve

    end(serve.run(serve.Place(host, port, origin, tuple(proxy or ())), data_dir))

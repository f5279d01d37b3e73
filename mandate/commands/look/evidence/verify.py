"""``mandate evidence verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, GivenKeys, end


def command(
    file: Annotated[Path, typer.Argument(help="What `export` has written.")],
    key: GivenKeys = None,
    as_json: AsJson = False,
) -> None:
    """Say whether evidence is whole and signed; needs nothing but the key."""
    from mandate.work.look.evidence import verify

    end(verify(file, key or (), as_json=as_json))

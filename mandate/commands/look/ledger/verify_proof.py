"""``mandate ledger verify-proof``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import GivenKeys, end


def command(
    file: Annotated[Path, typer.Argument(help="What `prove` has written.")],
    key: GivenKeys = None,
) -> None:
    """Say whether a proof is good; needs nothing but the key."""
    from mandate.work.look.ledger_proofs import verify_proof

    end(verify_proof(file, key or ()))

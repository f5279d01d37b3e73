"""``mandate whoami``."""

from __future__ import annotations

from mandate.cli_options import DataDir, end


def command(data_dir: DataDir = None) -> None:
    """Say who is logged in, and until when."""
    from mandate.work.gates import login

    end(login.who(data_dir))

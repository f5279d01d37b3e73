"""``mandate logout``."""

from __future__ import annotations

from mandate.cli_options import DataDir, end


def command(data_dir: DataDir = None) -> None:
    """End your login, in Vault and here."""
    from mandate.work.gates import logout

    end(logout.run(data_dir))

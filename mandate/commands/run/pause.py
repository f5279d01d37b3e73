"""``mandate pause``."""

from __future__ import annotations

from mandate.cli_options import DataDir, Run, end


def command(run: Run, data_dir: DataDir = None) -> None:
    """Let a run start no further stage; those at work finish."""
    from mandate.work.run import steer

    end(steer.pause(run, data_dir=data_dir))

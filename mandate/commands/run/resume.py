"""``mandate resume``."""

from __future__ import annotations

from mandate.cli_options import DataDir, Run, end


def command(run: Run, data_dir: DataDir = None) -> None:
    """Let a run that was paused go on."""
    from mandate.work.run import steer

    end(steer.resume(run, data_dir=data_dir))

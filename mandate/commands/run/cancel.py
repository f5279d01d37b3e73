"""``mandate cancel``."""

from __future__ import annotations

from mandate.cli_options import DataDir, Run, end


def command(run: Run, data_dir: DataDir = None) -> None:
    """End a run: what it started is stopped, and that is recorded."""
    from mandate.work.run import steer

    end(steer.cancel(run, data_dir=data_dir))

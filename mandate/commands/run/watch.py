"""``mandate watch``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, Run, end


def command(run: Run, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Follow a run until it ends; exit code 0 only when it completed."""
    from mandate.work.run import watch

    end(watch.run(run, as_json=as_json, data_dir=data_dir))

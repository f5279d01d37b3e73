"""``mandate breaker list``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, end


def command(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show every circuit, and which of them let nothing through."""
    from mandate.work.operate import breaker

    end(breaker.show(as_json=as_json, data_dir=data_dir))

"""``mandate artifact list``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, Place, end


def command(run: Place, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List what the stages of a run have put out, by name, kind, size and digest."""
    from mandate.work.look import artifact

    end(artifact.list_(run, as_json=as_json, data_dir=data_dir))

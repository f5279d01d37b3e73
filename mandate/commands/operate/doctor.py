"""``mandate doctor``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, end


def command(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check this machine and the servers, and say how to fix what fails."""
    from mandate.work.operate import doctor

    end(doctor.run(data_dir, as_json=as_json))

"""``mandate tools list``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, end


def command(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show the tool servers of MANDATE_TOOLS, and how many of their tools are pinned."""
    from mandate.work.operate import tools

    end(tools.show_all(as_json=as_json, data_dir=data_dir))

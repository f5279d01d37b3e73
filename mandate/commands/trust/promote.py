"""``mandate promote``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AgentId, AsJson, DataDir, Wait, end


def command(
    agent: AgentId,
    to: Annotated[str, typer.Option(help="The tier above the one it holds, such as T2.")],
    wait: Wait = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Ask for an agent to be raised by one tier; says what it lacks, or who has to consent."""
    from mandate.work.trust import promote

    end(promote.run(agent, to, wait=wait, as_json=as_json, data_dir=data_dir))

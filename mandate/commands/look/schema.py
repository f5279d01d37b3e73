"""``mandate schema``: what an editor needs to complete documents, and an author to write agents."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import end
from mandate.terminal import say_json


def command(
    agents: Annotated[bool, typer.Option("--agents", help="Of what agents say.")] = False,
) -> None:
    """Print the JSON Schema of pipeline documents, for editors; or of the contract of agents."""
    from dsl.agent_protocol.schema import protocol_schema
    from dsl.schema import pipeline_schema

    say_json(protocol_schema() if agents else pipeline_schema(), indent=2)
    end(0)

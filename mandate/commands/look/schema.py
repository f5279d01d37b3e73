"""``mandate schema``: what an editor needs to complete documents, and an author to write agents."""

from __future__ import annotations

from dsl.agent_protocol.schema import protocol_schema
from dsl.schema import pipeline_schema
from mandate.terminal import say_json


def run(*, agents: bool = False) -> int:
    """Print the JSON Schema of pipelines, or of the lines that agents read and write."""
    say_json(protocol_schema() if agents else pipeline_schema(), indent=2)
    return 0

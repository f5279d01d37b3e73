"""``mandate schema``: what an editor needs to complete and check pipeline documents."""

from __future__ import annotations

from dsl.schema import pipeline_schema
from mandate.terminal import say_json


def run() -> int:
    """Print the JSON Schema."""
    say_json(pipeline_schema(), indent=2)
    return 0

"""``mandate schema``: what an editor needs to complete and check pipeline documents."""

from __future__ import annotations

import json

from dsl.schema import pipeline_schema


def run() -> int:
    """Print the JSON Schema."""
    print(json.dumps(pipeline_schema(), indent=2, sort_keys=True))
    return 0

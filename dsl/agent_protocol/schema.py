"""The JSON Schema of the contract, for whoever writes a program or tests one.

It is made from the models, and ``agent-protocol.schema.json`` is the text of ``schema_text``; a
test holds the two equal. Its root takes any line; ``$defs`` has ``RequestLine`` and every message
by name.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from dsl.agent_protocol.messages import (
    MESSAGES,
    AnswerLine,
    Line,
    Message,
    RequestLine,
    ToolResultLine,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER: Final = "urn:mandate:schema:agent-protocol:1"
_LINES: Final[tuple[type[Line], ...]] = (RequestLine, AnswerLine, ToolResultLine, *MESSAGES)


def protocol_schema() -> dict[str, Any]:
    """Return the schema, in JSON Schema draft 2020-12."""
    _, made = models_json_schema([(line, "validation") for line in _LINES])
    definitions = {name: _tidy(value) for name, value in made["$defs"].items()}
    return {
        "$schema": DIALECT,
        "$id": IDENTIFIER,
        "title": "Mandate agent protocol, version 1",
        "description": "One line: the request or an answer on stdin, or a message on stdout.",
        "oneOf": [{"$ref": f"#/$defs/{line.__name__}"} for line in _LINES],
        "$defs": definitions,
    }


def message_schema() -> dict[str, Any]:
    """Return the schema of a message alone: what a program may say."""
    whole = protocol_schema()
    return {**whole, "oneOf": [{"$ref": f"#/$defs/{line.__name__}"} for line in MESSAGES]}


def schema_text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(protocol_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


MESSAGE: Final[TypeAdapter[Any]] = TypeAdapter(Message)


def _tidy(value: Any) -> Any:
    """Drop titles, which repeat the name."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _tidy(item) for key, item in value.items() if key != "title" or isinstance(item, dict)
    }

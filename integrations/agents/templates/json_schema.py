"""The part of JSON Schema that answers of a model are held to; every other word is refused.

What a validator does not know it would pass over in silence, so a schema that uses more is no
schema here (``unknown_words``). Annotations are taken and mean nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

PROBLEMS_MAX = 20
_ANNOTATIONS = {"$schema", "$id", "$comment", "title", "description", "default", "examples"}
_CHECKED = {
    *("type", "enum", "const", "anyOf", "properties", "required", "additionalProperties"),
    *("items", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum"),
}
_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "number": (int, float),
    "integer": int,
}
_SIZES = (
    (list, "minItems", "maxItems", "items"),
    (str, "minLength", "maxLength", "characters"),
)


def unknown_words(schema: Any, at: str = "") -> Iterator[str]:
    """Yield what in a schema is not understood, each with its place."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{at or '/'} is no schema"
        return
    yield from (f"{at}/{word}" for word in schema if word not in _ANNOTATIONS | _CHECKED)
    yield from (f"{at}/type {name!r}" for name in _types(schema) if name not in _TYPES)
    for where, inner in _inner(schema):
        yield from unknown_words(inner, f"{at}/{where}")


def problems(value: Any, schema: Any, at: str = "") -> Iterator[str]:
    """Yield why ``value`` does not fit, each with its place."""
    place = at or "the answer"
    if isinstance(schema, bool):
        if not schema:
            yield f"{place} is not allowed"
        return
    types = _types(schema)
    if types and not any(_is(value, name) for name in types):
        yield f"{place} must be {' or '.join(types)}, got {_short(value)}"
        return
    yield from _of_choice(value, schema, place)
    yield from _of_size(value, schema, place)
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from problems(each, schema.get("items", True), f"{at}/{number}")
    if isinstance(value, dict):
        yield from _of_object(value, schema, at)


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _inner(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((f"properties/{name}", each) for name, each in schema.get("properties", {}).items())
    yield from ((f"anyOf/{number}", each) for number, each in enumerate(schema.get("anyOf", ())))
    yield from (
        (word, schema[word]) for word in ("items", "additionalProperties") if word in schema
    )


def _of_choice(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
        allowed = ", ".join(map(_short, schema["enum"]))
        yield f"{place} must be one of {allowed}, got {_short(value)}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{place} must be {_short(schema['const'])}, got {_short(value)}"
    if "anyOf" in schema and all(any(problems(value, each)) for each in schema["anyOf"]):
        yield f"{place} fits none of what is allowed, got {_short(value)}"


def _of_object(value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}/{name} is missing"
    for name, each in value.items():
        yield from problems(
            each, known.get(name, schema.get("additionalProperties", True)), f"{at}/{name}"
        )


def _of_size(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    for kind, least, most, unit in _SIZES:
        if isinstance(value, kind):
            size = len(value)
            if not schema.get(least, 0) <= size <= schema.get(most, size):
                yield f"{place} has {size} {unit}, outside of what is allowed"
    if _is(value, "number"):
        below, above = schema.get("minimum", value), schema.get("maximum", value)
        if not below <= value <= above:
            yield f"{place} is {value}, outside of what is allowed"


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])  # type: ignore[arg-type]


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]

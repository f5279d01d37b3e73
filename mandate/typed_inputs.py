"""Inputs of a run as somebody typed them, read by their declared types."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from dsl.inputs import resolve_inputs
from dsl.plan import Plan
from mandate.typed_pairs import by_name


def parse_inputs(plan: Plan, given: Sequence[str]) -> dict[str, Any]:
    """Read ``k=v`` words by the declared types.

    Raises:
        ValueError: a word without ``=``, a name twice, or inputs that the plan refuses.
    """
    values = by_name("--input", (_input(plan, word) for word in given))
    resolve_inputs(plan, values)
    return values


def _input(plan: Plan, word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or not name:
        raise ValueError(f"--input: expected name=value, got {word!r}")
    declared = plan.inputs.get(name)
    return name, read_input(text, declared.type if declared else "string")


def read_input(text: str, declared: str) -> Any:
    """Return what ``text`` says of that type; as it stands where it is none, to be refused so."""
    with suppress(ValueError):
        match declared:
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "boolean" if text in ("true", "false"):
                return text == "true"
    return text

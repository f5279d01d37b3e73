"""The inputs of a run: what was declared, what was given, what the run sees.

It repairs nothing: the text ``"3"`` is not the integer 3, and ``true`` is not 1. The rules:

1. A name that was not declared is refused: it is a typing mistake more often than not.
2. What is not given takes its default; without a default it must be given, unless the
   declaration says ``required: false``, and then it is null. A null that was given counts
   as not given.
3. A value has the declared type. ``true`` is no number, ``1.0`` is no integer, and a number
   is finite.
4. With an ``enum``, it is one of its values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dsl.document.scalars import of_quoted
from dsl.plan import InputPlan, Plan
from dsl.values.canonical import INTEGER_MAX
from dsl.values.suggestions import suggest

VALUE_SHOWN_MAX: Final = 60
_NAMES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}


class InputsError(ValueError):
    """A run was given inputs that its pipeline does not take; ``problems`` lists them all."""

    def __init__(self, pipeline: str, problems: Sequence[str]) -> None:
        self.pipeline = pipeline
        self.problems = tuple(problems)
        super().__init__(f"inputs of pipeline {pipeline!r}: " + "; ".join(self.problems))


def resolve_inputs(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every declared input with its value.

    Raises:
        InputsError: with all problems at once.
    """
    problems = [
        f"unknown input {name!r} ({suggest(name, plan.inputs) or 'the pipeline takes none'})"
        for name in sorted(set(given) - set(plan.inputs))  # (1) a typing mistake
    ]
    values: dict[str, Any] = {}
    for name, declared in plan.inputs.items():
        value = given.get(name)
        if value is None:  # (2) its default, or it must be given
            if declared.required:
                problems.append(f"missing input {name!r}: {_expected(declared)}")
            values[name] = declared.default
            continue
        clash = mismatch(declared.type, declared.enum, value)
        if clash is not None:
            hint = of_clash(declared.type, value)
            problems.append(f"input {name!r}: {clash}" + (f" ({hint})" if hint else ""))
        values[name] = value
    if problems:
        raise InputsError(plan.name, problems)
    return values


def mismatch(kind: str, enum: Sequence[Any] | None, value: Any) -> str | None:
    """Say why ``value`` is not of type ``kind``, or not in ``enum``; None if it fits."""
    if not _fits(kind, value):
        return f"expected {_NAMES[kind]}, got {shown(value)}"  # (3) the declared type
    if enum is not None and not any(value == allowed for allowed in enum):  # (4) one of its values
        return f"expected one of {', '.join(map(shown, enum))}, got {shown(value)}"
    return None


def of_clash(kind: str, value: Any) -> str:
    """Return the smallest edit that makes ``value`` one of type ``kind``; empty: none is known."""
    if isinstance(value, str):
        return of_quoted(value, kind)
    if kind == "string" and isinstance(value, bool | int):
        return f'put it in quotes: "{shown(value)}"'
    return ""


def shown(value: Any) -> str:
    """Return ``value`` for a message, cut to a bearable length."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    text = "null" if value is None else text
    return text if len(text) <= VALUE_SHOWN_MAX else text[: VALUE_SHOWN_MAX - 1] + "…"


def _expected(declared: InputPlan) -> str:
    kind = _NAMES[declared.type]
    return kind + (f", one of {', '.join(map(shown, declared.enum))}" if declared.enum else "")


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return _is_integer(value)
        case _:
            return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INTEGER_MAX

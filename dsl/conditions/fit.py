"""Do two types fit each other? Asked of comparisons and of arithmetic.

Null compares with everything, for an input that was not given is null; and so does ``ANY``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from dsl.conditions.nodes import Literal, Node
from dsl.conditions.types import (
    ANY,
    BOOL,
    NULL,
    NUMBER,
    STRING,
    AnyValue,
    ListOf,
    Scalar,
    Type,
    described,
    is_numeric,
    join,
)
from dsl.values.suggestions import suggest

VALUES_SHOWN_MAX: Final = 8
_ORDERED: Final = ("<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Clash:
    """Two values can never be equal; ``at`` is the one to change."""

    message: str
    at: Node
    hint: str


def comparison_clash(one: Node, one_type: Type, other: Node, other_type: Type) -> Clash | None:
    """Say why the two are never equal; None when they may be."""
    if isinstance(one, Literal) and not isinstance(other, Literal):
        one, one_type, other, other_type = other, other_type, one, one_type
    if not _comparable(one_type, other_type):
        message = f"{described(one_type)} never equals {described(other_type)}"
        return Clash(message, other, _quoting_hint(one_type, other))
    if not isinstance(other, Literal) or not isinstance(one_type, Scalar):
        return None
    if one_type.choices is None or other.value is None or other.value in one_type.choices:
        return None
    return Clash(f"{other.value!r} is never a value of this", other, _choices_hint(one_type, other))


def operator_type(sign: str, left: Type, right: Type) -> Type | str:
    """Return the type of ``left sign right``, or a sentence why there is none."""
    if isinstance(left, AnyValue) or isinstance(right, AnyValue):
        known = right if isinstance(left, AnyValue) else left
        return _half_known(sign, known)
    if sign in _ORDERED:
        same = left.kind == right.kind and left.kind in (STRING.kind, BOOL.kind)
        return (
            BOOL if same or (is_numeric(left) and is_numeric(right)) else _unfit(sign, left, right)
        )
    if is_numeric(left) and is_numeric(right):
        mixed = left.kind != right.kind and NUMBER.kind not in (left.kind, right.kind)
        return f"cannot mix {left.kind} {sign} {right.kind}" if mixed else join(left, right)
    if sign == "+" and left.kind == right.kind == STRING.kind:
        return STRING
    if sign == "+" and isinstance(left, ListOf) and isinstance(right, ListOf):
        return ListOf(join(left.item, right.item))
    return _unfit(sign, left, right)


def _half_known(sign: str, known: Type) -> Type | str:
    """Judge by the one operand whose type is known."""
    if sign in _ORDERED:
        fits = is_numeric(known) or known.kind in (STRING.kind, BOOL.kind)
    else:
        fits = is_numeric(known) or (sign == "+" and known.kind in (STRING.kind, "list"))
    if isinstance(known, AnyValue) or fits:
        return BOOL if sign in _ORDERED else ANY
    return f"cannot compute with {described(known)} and {sign}"


def _comparable(one: Type, other: Type) -> bool:
    if isinstance(one, AnyValue) or isinstance(other, AnyValue) or NULL in (one, other):
        return True
    return one.kind == other.kind or (is_numeric(one) and is_numeric(other))


def _quoting_hint(wanted: Type, literal: Node) -> str:
    """Suggest the quotes that are missing, or are too many."""
    if not isinstance(literal, Literal):
        return ""
    value = literal.value
    if wanted.kind == STRING.kind:
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        return f'write "{shown}"'
    if not isinstance(value, str):
        return ""
    if wanted.kind == BOOL.kind and value in ("true", "false"):
        return f"write {value} without quotes"
    numeric = value.lstrip("-").replace(".", "", 1)
    plain = is_numeric(wanted) and numeric.isascii() and numeric.isdigit()
    return f"write {value} without quotes" if plain else ""


def _choices_hint(type_: Scalar, literal: Literal) -> str:
    choices: tuple[Any, ...] = type_.choices or ()
    if isinstance(literal.value, str) and all(isinstance(choice, str) for choice in choices):
        return suggest(literal.value, choices, what="the values are")
    return "the values are: " + ", ".join(str(choice) for choice in choices[:VALUES_SHOWN_MAX])


def _unfit(sign: str, left: Type, right: Type) -> str:
    return f"cannot compute {described(left)} {sign} {described(right)}"

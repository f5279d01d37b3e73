"""The first thing that a model of ours refuses in a message, in words for whoever sent it.

The library's own words name classes and kinds of Python, which no sender has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

WHERE_MAX: Final = 80  # characters of one part of a place
_Words = Callable[[Mapping[str, Any]], str]


def fault_of(error: ValidationError) -> str:
    """Return where the first fault is, and what it is."""
    fault = first_of(error)
    return f"{place_of(fault) or 'input'}: {words_of(fault)}"


def first_of(error: ValidationError) -> Mapping[str, Any]:
    """Return the first fault, without what was put in."""
    return error.errors(include_url=False, include_input=False)[0]


def place_of(fault: Mapping[str, Any]) -> str:
    """Return the place of a fault, with dots."""
    return ".".join(str(part)[:WHERE_MAX] for part in fault["loc"])


def words_of(fault: Mapping[str, Any]) -> str:
    """Return what is wrong there."""
    words = _WORDS.get(fault["type"])
    return words(fault.get("ctx") or {}) if words else str(fault["msg"]).lower()


def _fixed(text: str) -> _Words:
    return lambda _context: text


def _limit(template: str, name: str) -> _Words:
    return lambda context: template.format(context.get(name))


def _count(bound: str, name: str, what: str) -> _Words:
    def words(context: Mapping[str, Any]) -> str:
        return f"expected {bound} {context[name]} {what}{'' if context[name] == 1 else 's'}"

    return words


def _pattern(context: Mapping[str, Any]) -> str:
    pattern = context.get("pattern")
    return "expected more than blanks" if pattern == r"\S" else f"expected text like {pattern}"


def _own(context: Mapping[str, Any]) -> str:
    return str(context.get("error") or "it is not as it has to be")


_WORDS: Final[Mapping[str, _Words]] = {
    "value_error": _own,
    "missing": _fixed("it is missing"),
    "extra_forbidden": _fixed("there is no such field"),
    "string_type": _fixed("expected text"),
    "string_too_short": _count("at least", "min_length", "character"),
    "string_too_long": _count("at most", "max_length", "character"),
    "string_pattern_mismatch": _pattern,
    "too_short": _count("at least", "min_length", "item"),
    "too_long": _count("at most", "max_length", "item"),
    "enum": _limit("expected {}", "expected"),
    "literal_error": _limit("expected {}", "expected"),
    "int_type": _fixed("expected a whole number"),
    "int_parsing": _fixed("expected a whole number"),
    "int_from_float": _fixed("expected a whole number"),
    "float_type": _fixed("expected a number"),
    "float_parsing": _fixed("expected a number"),
    "bool_type": _fixed("expected true or false"),
    "bool_parsing": _fixed("expected true or false"),
    "list_type": _fixed("expected a list"),
    "tuple_type": _fixed("expected a list"),
    "dict_type": _fixed("expected a JSON object"),
    "mapping_type": _fixed("expected a JSON object"),
    "model_type": _fixed("expected a JSON object"),
    "model_attributes_type": _fixed("expected a JSON object"),
    "greater_than": _limit("expected more than {}", "gt"),
    "greater_than_equal": _limit("expected at least {}", "ge"),
    "less_than": _limit("expected less than {}", "lt"),
    "less_than_equal": _limit("expected at most {}", "le"),
}

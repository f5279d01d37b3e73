"""From pydantic's errors to problems in the author's words.

1. One mistake, one problem: a misspelt field is not also a missing one, and a list is not also
   too short because its items are wrong.
2. A problem carries the smallest edit that would fix it, where one can be guessed.
3. A field that belongs under ``config:``, or beside it, is told so.
4. Messages and problems are bounded: a value is shown by its beginning.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from dsl.core import StageType
from dsl.document.hints import meant_by, of_own_rule, of_type, of_unknown
from dsl.document.loader import Loaded, Path
from dsl.document.mistakes import Mistake
from dsl.document.shape import STAGE_MODELS, locate
from dsl.document.wording import FORMS, repaired, shown
from dsl.errors import TOO_MANY_PROBLEMS, Problem
from dsl.limits import NAME_LENGTH_MAX, PROBLEMS_MAX
from dsl.models import Pipeline
from dsl.people import GROUP_PREFIX, as_yaml, quoted, refuse_name
from dsl.shown.foreign import CUT
from dsl.stages.fields import GROUP_PATTERN, NAME_REFUSED, PERSON_PATTERN, RULE_BROKEN
from dsl.values.suggestions import suggest

UNKNOWN_FIELD: Final = "DSL201"
MISSING_FIELD: Final = "DSL202"
STAGE_TYPE: Final = "DSL203"
WRONG_TYPE: Final = "DSL204"
NOT_A_CHOICE: Final = "DSL205"
WRONG_FORM: Final = "DSL206"
DURATION: Final = "DSL207"
TIER: Final = "DSL208"
OUT_OF_RANGE: Final = "DSL209"
LENGTH: Final = "DSL210"
OTHER: Final = "DSL212"

CHOICES_MAX: Final = 8  # named; a closer look at more is one for the schema
_TYPES: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_MISSING_HINTS: Final = {
    "type": "one of: " + ", ".join(StageType),
    "version": 'add version: "1.0"',
    "stages": "add stages: with a list of stages below it",
    "config": "add config: with its fields below it",
}
UNKNOWN: Final = "extra_forbidden"  # of pydantic
_KEY_MARKER: Final = "[key]"  # pydantic's, at the end of a place


def explain(
    errors: Sequence[ErrorDetails], loaded: Loaded, root: type[BaseModel] = Pipeline
) -> list[Problem]:
    """Return the problems behind ``errors``, one for each mistake, at most the limit."""
    return tell(mistakes_in(errors, loaded, root))


def mistakes_in(
    errors: Sequence[ErrorDetails], loaded: Loaded, root: type[BaseModel] = Pipeline
) -> list[Mistake]:
    """Return where in the document the ``errors`` are."""
    lines = loaded.text.splitlines()
    return [_mistake(error, loaded, lines, root) for error in errors]


def tell(mistakes: Sequence[Mistake]) -> list[Problem]:
    """Return the problems that these mistakes are, at most the limit."""
    unknown = [mistake for mistake in mistakes if mistake.details["type"] == UNKNOWN]
    meant = {meant_by(mistake) for mistake in unknown[:PROBLEMS_MAX]}
    told = [mistake for mistake in mistakes if not _is_echo(mistake, meant)]
    problems = [_problem(mistake) for mistake in told[:PROBLEMS_MAX]]
    if len(told) > PROBLEMS_MAX:  # (4) bounded
        message = f"more than {PROBLEMS_MAX} errors: the rest is not shown"
        problems.append(told[PROBLEMS_MAX].problem(TOO_MANY_PROBLEMS, message))
    return problems


def _mistake(
    error: ErrorDetails, loaded: Loaded, lines: Sequence[str], root: type[BaseModel]
) -> Mistake:
    loc = error["loc"]
    # Only a pattern can be wrong with a key; elsewhere the marker is a field so named.
    is_key = error["type"] == "string_pattern_mismatch" and loc[-1] == _KEY_MARKER
    return Mistake(error, locate(loc[:-1] if is_key else loc, root), is_key, loaded, lines)


def _is_echo(mistake: Mistake, meant: AbstractSet[Path | None]) -> bool:
    """Tell whether another problem says it already (1)."""
    match mistake.details["type"]:
        case "missing":
            path = mistake.path
            return any(place is not None and place[: len(path)] == path for place in meant)
        case "too_short":  # pydantic counts only the items that are right
            return bool(len(mistake.value) >= mistake.context["min_length"])
        case _:
            return False


def _problem(mistake: Mistake) -> Problem:
    kind = mistake.details["type"]
    if kind in _TYPES:
        return _wrong_type(mistake, _TYPES[kind])
    words = _WORDS.get(kind)
    if words is None:
        return mistake.problem(OTHER, f"{mistake.label}: {mistake.details['msg'].lower()}")
    return words(mistake)


def _unknown_field(mistake: Mistake) -> Problem:
    message = f"unknown field {shown(mistake.path[-1])}"
    at = mistake.loaded.marks.key(mistake.path)
    return Problem(UNKNOWN_FIELD, message, at, of_unknown(mistake))


def _missing_field(mistake: Mistake) -> Problem:
    field = str(mistake.path[-1])
    hint = _MISSING_HINTS.get(field, f"add {field}:")
    return mistake.problem(MISSING_FIELD, f"missing field {field!r}", hint, mistake.path[:-1])


def _stage_type(mistake: Mistake) -> Problem:
    if "type" not in mistake.value:
        hint = _MISSING_HINTS["type"]
        return mistake.problem(MISSING_FIELD, "missing field 'type'", hint)
    word = mistake.value["type"]
    hint = suggest(word if isinstance(word, str) else "", STAGE_MODELS, what="one of")
    message = f"unknown stage type {shown(word)}"
    return mistake.problem(STAGE_TYPE, message, hint, (*mistake.path, "type"))


def _wrong_type(mistake: Mistake, wanted: str) -> Problem:
    value = mistake.value
    message = f"{mistake.label}: expected {wanted}, got {shown(value)}"
    return mistake.problem(WRONG_TYPE, message, of_type(mistake, wanted))


def _not_a_choice(mistake: Mistake) -> Problem:
    choices = re.findall(r"'([^']*)'", mistake.context["expected"])
    some = choices if len(choices) <= CHOICES_MAX else [*choices[:CHOICES_MAX], CUT]
    many = "" if some is choices else f" one of {len(choices)},"
    message = f"{mistake.label}: expected{many} {' or '.join(some)}, got {shown(mistake.value)}"
    hint = ""
    if mistake.path[-1] == "on_timeout" and mistake.value == "approve":
        hint = "nothing ever approves by itself"
    elif isinstance(mistake.value, str) and len(mistake.value) <= NAME_LENGTH_MAX:
        close = difflib.get_close_matches(mistake.value.lower(), choices, n=1)
        hint = f"did you mean {close[0]!r}?" if close else ""
    return mistake.problem(NOT_A_CHOICE, message, hint)


def _wrong_form(mistake: Mistake) -> Problem:
    pattern = mistake.context["pattern"]
    if pattern in (PERSON_PATTERN, GROUP_PATTERN):
        return _refused_name(mistake)
    form = FORMS.get(pattern, f"text that matches {pattern}")
    label = "name" if mistake.is_key else mistake.label
    message = f"{label} {shown(mistake.value)}: expected {form}"
    return mistake.problem(WRONG_FORM, message, repaired(mistake.value, pattern))


def _refused_name(mistake: Mistake) -> Problem:
    """Explain why nobody has that name; another name is never proposed."""
    group = mistake.value.removeprefix(GROUP_PREFIX)
    why = refuse_name(mistake.value if mistake.path[-1] == "name" else group)
    hint = ""
    if mistake.is_escaped:
        hint = "a backslash in double quotes begins an escape: write the name in single quotes"
    elif mistake.path[-1] == "name" and group != mistake.value:
        hint = f"write {as_yaml(group)}: it can only be a group here"
    return mistake.problem(WRONG_FORM, f"{mistake.label} {quoted(mistake.value)}: {why}", hint)


def _own_rule(mistake: Mistake) -> Problem:
    """Explain what a validator of ours refused: it has the words, but not the place."""
    is_tier = mistake.path[-1] == "tier"
    message = str(mistake.context["error"])
    if mistake.value is None or isinstance(mistake.value, bool | list | dict):
        wanted = "a tier from 0 to 4" if is_tier else "a duration such as 90s or 30m"
        message = f"expected {wanted}, got {shown(mistake.value)}"
    code = TIER if is_tier else DURATION
    return mistake.problem(code, f"{mistake.label}: {message}", of_own_rule(mistake))


def _broken_rule(mistake: Mistake) -> Problem:
    where = f"{mistake.label}: " if mistake.path else ""  # else it is about the whole document
    return mistake.problem(OTHER, f"{where}{mistake.context['why']}")


def _out_of_range(mistake: Mistake) -> Problem:
    low = mistake.context.get("ge")
    bound = f"at most {mistake.context['le']}" if low is None else f"at least {low}"
    message = f"{mistake.label}: expected {bound}, got {shown(mistake.value)}"
    return mistake.problem(OUT_OF_RANGE, message)


def _empty(mistake: Mistake) -> Problem:
    hint = _MISSING_HINTS.get(str(mistake.path[-1]), "fill it in").replace("add", "write", 1)
    return mistake.problem(
        LENGTH, f"{mistake.label}: expected at least 1 character, got none", hint
    )


def _length(mistake: Mistake) -> Problem:
    least = mistake.context.get("min_length")
    bound = f"at most {mistake.context['max_length']}" if least is None else f"at least {least}"
    items = "item" if bound.endswith(" 1") else "items"
    message = f"{mistake.label}: expected {bound} {items}, got {len(mistake.value)}"
    return mistake.problem(LENGTH, message)


_WORDS: Final[dict[str, Callable[[Mistake], Problem]]] = {
    UNKNOWN: _unknown_field,
    "missing": _missing_field,
    "union_tag_invalid": _stage_type,
    "union_tag_not_found": _stage_type,
    "literal_error": _not_a_choice,
    "string_pattern_mismatch": _wrong_form,
    "enum": _not_a_choice,
    "value_error": _own_rule,
    RULE_BROKEN: _broken_rule,
    NAME_REFUSED: _refused_name,
    "greater_than_equal": _out_of_range,
    "less_than_equal": _out_of_range,
    "string_too_short": _empty,
    "too_short": _length,
    "too_long": _length,
}

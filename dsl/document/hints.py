"""The smallest edit that mends a mistake, where one can be guessed; the rest has no hint.

A hint never turns one person into another: who is asked has a name already (``dsl.people``).
"""

from __future__ import annotations

import re
from typing import Final

from dsl.core import Tier
from dsl.document.loader import Path
from dsl.document.mistakes import Mistake
from dsl.document.scalars import REMOVE_QUOTES, of_quoted
from dsl.document.shape import STAGE_MODELS, fields_of, model_of
from dsl.people import GROUP_PREFIX, as_yaml, people_in
from dsl.shown.foreign import is_legible
from dsl.values.durations import guess_duration
from dsl.values.suggestions import nearest, suggest

UNDER_CONFIG: Final = "write it under config:"
BESIDE_CONFIG: Final = "write it beside config:, not under it"
_SHOWN_MAX: Final = 60
_TIER_NUMBERS: Final = tuple(str(tier.value) for tier in Tier)
_KINDS: Final = {"a whole number": "integer", "a number": "number", "true or false": "boolean"}
# What fields are called in other systems, less what is no letter.
_ELSEWHERE: Final = {
    **dict.fromkeys(
        ("needs", "need", "dependson", "dependencies", "depends", "after", "runafter"), "requires"
    ),
    **dict.fromkeys(
        ("timeoutminutes", "timeoutseconds", "timeoutinminutes", "startduration", "deadline"),
        "timeout",
    ),
    **dict.fromkeys(("retries", "maxretries", "maxattempts", "retrylimit"), "retry"),
    **dict.fromkeys(("when", "condition"), "if"),
    **dict.fromkeys(("steps", "jobs", "tasks", "nodes"), "stages"),
    **dict.fromkeys(("uses", "image", "program", "action"), "template"),
    **dict.fromkeys(("with", "parameters", "params", "arguments", "args"), "inputs"),
    **dict.fromkeys(("reviewers", "requiredreviewers", "users"), "approvers"),
    **dict.fromkeys(("approvals", "approvalsrequired", "requiredapprovals"), "quorum"),
    **dict.fromkeys(("id", "title"), "name"),
}


def meant_by(mistake: Mistake) -> Path | None:
    """Return the place that a field which does not exist was most likely meant for."""
    return _guess(mistake)[0]


def of_unknown(mistake: Mistake) -> str:
    """Return what may have been meant by a field that does not exist."""
    return _guess(mistake)[1]


def _guess(mistake: Mistake) -> tuple[Path | None, str]:
    field, holder = str(mistake.path[-1]), mistake.place.holder
    around = mistake.path[:-1]
    if holder is None:
        return None, ""
    if field not in fields_of(holder):
        field = _ELSEWHERE.get(re.sub(r"[^a-z]", "", field.lower()), field)
        if field in fields_of(holder):
            return (*around, field), f"did you mean {field!r}?"
    config = model_of(holder, "config")
    if config is not None and field in fields_of(config):
        known = field == str(mistake.path[-1])
        hint = UNDER_CONFIG if known else f"did you mean {field!r}? {UNDER_CONFIG}"
        return (*around, "config", field), hint
    for stage in STAGE_MODELS.values():
        if model_of(stage, "config") is holder and field in fields_of(stage):
            return (*around[:-1], field), BESIDE_CONFIG
    word = str(mistake.path[-1])
    near = nearest(word, fields_of(holder))
    place = None if near is None else (*around, near)
    return place, suggest(word, fields_of(holder), what="fields here")


def of_own_rule(mistake: Mistake) -> str:
    """Return the hint for what is no tier, or no duration."""
    match mistake.path[-1], mistake.value:
        case "tier", str() as word if word.strip() in _TIER_NUMBERS:
            return REMOVE_QUOTES
        case "tier", str() as word if word.strip().upper() in Tier.__members__:
            return f"write {word.strip().upper()}"
        case field, str() as word if field != "tier" and not word.isdigit():
            meant = guess_duration(word[:_SHOWN_MAX])
            return f"write {meant}" if meant else ""
    return ""


def of_type(mistake: Mistake, wanted: str) -> str:
    """Return the hint for a value that is not of the type ``wanted``, in an author's words."""
    match wanted, mistake.value:
        case _, None:
            return "fill it in, or leave the field out"
        case "text", _:
            return _text_hint(mistake)
        case "a list", str() as word:
            return _list_hint(word)
        case "a list", dict():
            return "start each item with '- '"
        case _, str() as word if wanted in _KINDS:
            return of_quoted(word, _KINDS[wanted])
    return ""


def _text_hint(mistake: Mistake) -> str:
    match mistake.value:
        case bool() | int() | float():
            # YAML has read 1.10 as 1.1; the source still has what was meant.
            return f'put it in quotes: "{mistake.written}"'
        case {"group": str() as group} if mistake.path[-2:-1] == ("approvers",):
            return f"put it in quotes: {as_yaml(GROUP_PREFIX + group)}"
    return ""


def _list_hint(word: str) -> str:
    names = people_in(word) or (word,)
    return (
        f"make it a list: [{', '.join(map(as_yaml, names))}]"
        if is_legible(word, _SHOWN_MAX)
        else ""
    )

"""Words for what the language's patterns and values mean, as an author would say it."""

from __future__ import annotations

import re
from typing import Any, Final
from unicodedata import combining, normalize

from dsl import templates
from dsl.core import OUTPUT_NAME_PATTERN
from dsl.limits import NAME_LENGTH_MAX
from dsl.stages import fields, runtime
from dsl.values.agent_ids import AGENT_ID_PATTERN
from dsl.values.names import NAME_PATTERN
from dsl.values.tool_names import TOOL_NAME_PATTERN

VALUE_CHARACTERS_MAX: Final = 60

FORMS: Final = {
    NAME_PATTERN: "lower-case letters, digits and hyphens, starting with a letter, "
    "not ending with a hyphen, at most 63 characters",
    AGENT_ID_PATTERN: "lower-case letters, digits, '.', '_' and '-', starting with a "
    "letter, not ending with '.' or '-', without '..', at most 128 characters",
    TOOL_NAME_PATTERN: "letters, digits, '_', '.', '/' and '-' of ASCII, starting with a letter, a "
    "digit or '_', at most 128 characters",
    fields.WRITABLE_PATTERN: "the path of a directory",
    fields.SECRET_NAME_PATTERN: "capital letters, digits and '_', starting with a letter, "
    "at most 64 characters",
    fields.INPUT_NAME_PATTERN: "lower-case letters, digits and '_', starting with a letter, "
    "at most 63 characters",
    fields.PERSON_PATTERN: "the name of a person, or 'group:' and a name",
    fields.GROUP_PATTERN: "the name of a group",
    fields.PROJECT_PATTERN: "letters, digits, '.', '_' and '-', starting with a "
    "letter or digit, at most 128 characters",
    templates.BESIDE_PATTERN: "a path from the template's file on, such as ./triage.py, "
    "without '..' and not hidden",
    templates.TOOL_PATTERN: "a bare name, such as terraform",
    templates.ABSOLUTE_PATTERN: "an absolute path, such as /opt/triage",
    runtime.TEMPORAL_NAME_PATTERN: "letters, digits, '_', '.', ':' and '-', starting with a "
    "letter, a digit or '_'",
    OUTPUT_NAME_PATTERN: "the name of a file: letters, digits, '.', '_' and '-'",
    fields.ON_REVOKED_PATTERN: "fail, skip, or 'replace: ' and a template",
}


def shown(value: Any) -> str:
    """Return ``value`` as an author would say it, shortened."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str() if len(value) > VALUE_CHARACTERS_MAX:
            return f"{value[:VALUE_CHARACTERS_MAX]!r}…"
        case _:
            return repr(value)


def repaired(word: str, pattern: str) -> str:
    """Return a hint with a name near ``word`` that has the form, if there is one."""
    name = candidate(word, pattern)
    return "" if name is None else f"write {name}"


def candidate(word: str, pattern: str) -> str | None:
    """Return a name near ``word`` that has the form, if there is one.

    For names that the author gives. A person has a name already, see ``dsl.people``, and so has a
    tool.
    """
    named_elsewhere = (fields.PERSON_PATTERN, fields.GROUP_PATTERN, TOOL_NAME_PATTERN)
    if ":" in word or pattern in named_elsewhere:
        return None
    word = "".join(each for each in normalize("NFKD", word) if not combining(each))
    for spaced, cased in (("-", str.lower), ("_", str.lower), ("_", str.upper)):
        name = cased(re.sub(r"[^A-Za-z0-9]+", spaced, word[:NAME_LENGTH_MAX]).strip(spaced))
        if re.fullmatch(pattern, name):
            return name
    return None

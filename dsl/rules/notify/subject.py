"""What a run is about, where it is about something at GitHub: inputs of these names.

Whoever tells of the run there finds it by them. An input of the name that holds something else is
left out: it is a word of the pipeline's author, and no address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

REPOSITORY: Final = "repository"
COMMIT: Final = "commit"
PULL_REQUEST: Final = "pull_request"
ENVIRONMENT: Final = "environment"
ACTIONS_RUN: Final = "actions_run"  # that waits for the environment's protection rule

REPOSITORY_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}"
_FORMS: Final = MappingProxyType(
    {
        REPOSITORY: re.compile(REPOSITORY_PATTERN),
        COMMIT: re.compile(r"[0-9a-f]{40}"),
        PULL_REQUEST: re.compile(r"[1-9][0-9]{0,9}"),
        ENVIRONMENT: re.compile(r"[^\x00-\x1f\x7f]{1,255}"),
        ACTIONS_RUN: re.compile(r"[1-9][0-9]{0,18}"),
    }
)


def subject_of(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return what the inputs of a run say of what it is about."""
    said = {name: inputs[name] for name in _FORMS if name in inputs}
    words = {name: _word(value) for name, value in said.items()}
    return {name: word for name, word in words.items() if _FORMS[name].fullmatch(word)}


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

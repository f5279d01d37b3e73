"""The answer of an agent that is no process: one ``result`` of the contract, as JSON.

1. It is read as strictly as a line of a program: a key twice, NaN or half a surrogate pair, too
   deep or too long, and whatever is no ``result``, breaks the contract. The error says what was
   wrong, in one sentence.
2. What it may hold is checked by ``integrations.agents.contract.protocol``; fields that are not of
   the contract mean nothing.
3. Redaction comes first. The words of the contract are not redacted.
"""

from __future__ import annotations

from typing import Any, Final

from dsl.limits import BODY_ANSWER_BYTES_MAX
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.agents.contract.protocol import (
    RESULT_STATUSES,
    Result,
    broken,
    parse_result,
)
from integrations.redaction import Redactor

_FORM: Final = 'expected {"type": "result", "status": "ok", "output": {...}}'
_SHOWN_MAX: Final = 40  # characters


def read_answer(text: str, redact: Redactor) -> Result:
    """Return the result in an answer, without what looks like a token (3).

    Raises:
        AgentError: of kind ``protocol``: it is none (1).
    """
    try:
        said = strict_json.read(text, bytes_max=BODY_ANSWER_BYTES_MAX)
    except JsonError as error:
        raise broken(redact.text(f"its answer cannot be taken: {error}; {_FORM}")) from None
    if not isinstance(said, dict) or said.get("type") != "result":
        raise broken(redact.text(f"its answer is {_shown(said)} and no result; {_FORM}"))
    words = {name: said[name] for name in ("status",) if said.get(name) in RESULT_STATUSES}
    return parse_result({**redact.value(said), **words})


def _shown(said: Any) -> str:
    if isinstance(said, dict):
        kind = said.get("type")
        return f"an object of type {kind[:_SHOWN_MAX]!r}" if isinstance(kind, str) else "an object"
    if isinstance(said, list):
        return "a list"
    if isinstance(said, str):
        return "text"
    return "null" if said is None else f"{said!r}"[:_SHOWN_MAX]

"""What a reviewer has said of each suggestion, read from the output of its stage.

1. An output holds ``opinions``: a list of ``{suggestion, decision, confidence, rationale}`` with
   ``approve``, ``reject`` or ``abstain``. Where it holds ``answer`` instead, as that of a language
   model does, the opinions are looked for in there. Further fields are ignored.
2. What cannot be understood is a doubt about that suggestion, and where the list itself cannot be,
   about all of them. Two opinions of one suggestion that differ are a doubt as well.
3. Opinions about what was not suggested mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dsl.limits import OPINION_LENGTH_MAX, SUGGESTIONS_MAX
from dsl.review.decision import Opinion, Stance

_READ_MAX: Final = 10 * SUGGESTIONS_MAX  # entries of a list
_SHOWN_MAX: Final = 40  # characters of a wrong value in a sentence
_STANCES: Final = frozenset(Stance)


def opinions_in(output: Mapping[str, Any]) -> dict[str, Opinion | str] | str:
    """Return opinions by suggestion, a doubt in the place of one; or a doubt about all of it."""
    said = output.get("opinions")
    answer = output.get("answer")
    if said is None and isinstance(answer, Mapping):  # (1) a language model's
        said = answer.get("opinions")
    if not isinstance(said, list | tuple) or len(said) > _READ_MAX:
        return f"says no list of opinions, but {_shown(said)}"
    found: dict[str, Opinion | str] = {}
    for each in said:
        if not isinstance(each, Mapping) or not isinstance(each.get("suggestion"), str):
            return "says an opinion about nothing"  # (2) whom else it was about, nobody knows
        name, opinion = each["suggestion"], _read(each)
        before = found.get(name, opinion)
        found[name] = opinion if _agree(before, opinion) else "says two things of it"
    return found


def _agree(one: Opinion | str, other: Opinion | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return (one.stance, one.confidence) == (other.stance, other.confidence)


def _read(said: Mapping[str, Any]) -> Opinion | str:
    decision, confidence = said.get("decision"), said.get("confidence")
    rationale = said.get("rationale")
    if not isinstance(decision, str) or decision not in _STANCES:
        return f"neither approves, rejects nor abstains, but says {_shown(decision)}"
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not is_number or not 0 <= confidence <= 1:  # type: ignore[operator]  # NaN is in no range
        return f"gives no confidence from 0 to 1, but {_shown(confidence)}"
    if not isinstance(rationale, str) or not rationale.strip():
        return "gives no rationale"
    return Opinion(Stance(decision), confidence, rationale.strip()[:OPINION_LENGTH_MAX])  # type: ignore[arg-type]  # a number, see above


def _shown(value: Any) -> str:
    if isinstance(value, bool | float | str) or value is None:
        text = repr(value)
        return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
    return f"a value of type {type(value).__name__}"  # of any size: never spelled out

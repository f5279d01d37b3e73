"""suggestion-reviewer: one reviewer's opinion of each suggestion, by rules, for a council to hear.

Input: ``role`` and what else the template declares. It reads every ``<stage>/suggestions.json`` it
is handed. Output: ``opinions``, one of each suggestion. Artifact: ``opinions.json``.

1. A role judges what is its concern (``CONCERNS``) and abstains from the rest; cost is concerned
   with everything.
2. A patch that did not hold when it was tried is rejected by whoever is concerned.
3. Cost rejects what takes more effort than ``EFFORT_MAX`` times what it brings.
4. Everything else is approved, as sure as the anomalies are; a patch that held is surer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dsl.review.decision import Stance
from dsl.review.remedy import Remedy
from dsl.review.suggestion import PatchTrial, Suggestion

sys.path.insert(0, str(Path(__file__).parents[1]))  # beside its template

from contract import asked, choice, finish, give_up, leave_json

_R = Remedy
CONCERNS: Final = {
    "architect": frozenset(
        {
            *(_R.REMOVE_UNUSED_IMPORT, _R.REMOVE_UNUSED_VARIABLE, _R.REMOVE_DEAD_CODE),
            *(_R.BREAK_CYCLE, _R.KEEP_LAYERS, _R.SPLIT_FUNCTION, _R.SPLIT_FILE),
            *(_R.DROP_DEPENDENCY, _R.DECLARE_DEPENDENCY, _R.SETTLE_NOTE, _R.MEND_TYPE),
            *(_R.MEND_PIPELINE, _R.PUT_SOMETHING_OUT),
        }
    ),
    "security": frozenset(
        {
            *(_R.CLOSE_HOLE, _R.LOAD_SAFELY, _R.NARROW_EXCEPT, _R.PIN_DEPENDENCY),
            *(_R.UPGRADE_DEPENDENCY, _R.NAME_APPROVERS, _R.LOWER_TIER),
        }
    ),
    "reliability": frozenset(
        {
            *(_R.NARROW_EXCEPT, _R.MEND_DEFECT, _R.MEND_TYPE, _R.MEND_SYNTAX),
            *(_R.ASSERT_SOMETHING, _R.TEST_IT, _R.LOOK_INTO_IT, _R.PIN_DEPENDENCY),
            *(_R.REMOVE_UNUSED_IMPORT, _R.REMOVE_UNUSED_VARIABLE, _R.MEND_PIPELINE),
        }
    ),
    "cost": frozenset(Remedy),
}
EFFORT_MAX: Final = 4
_HELD: Final = 0.97
_NAME: Final = "/suggestions.json"


def main() -> None:
    """Answer one request."""
    request = asked()
    role = choice(request["input"], "role", tuple(CONCERNS))
    opinions = [opinion(role, each) for each in _suggestions(request["prior"])]
    leave_json("opinions.json", opinions)
    counts = {stance.value: _count(opinions, stance) for stance in Stance}
    told = ", ".join(f"{count} {stance}" for stance, count in counts.items())
    finish(f"{role}: {told}", {"opinions": opinions, **counts})


def opinion(role: str, suggestion: Suggestion) -> dict[str, Any]:
    """Return what a role says of one suggestion."""
    stance, confidence, why = _stance(role, suggestion)
    return {
        "suggestion": suggestion.id,
        "decision": stance.value,
        "confidence": confidence,
        "rationale": why,
    }


def _stance(role: str, suggestion: Suggestion) -> tuple[Stance, float, str]:
    if suggestion.remedy not in CONCERNS[role]:  # (1) the rest is no concern
        return Stance.ABSTAIN, 1.0, f"no concern of {role}"
    if suggestion.trial is PatchTrial.FAILED:  # (2) did not hold
        return Stance.REJECT, 1.0, "its patch did not hold when it was tried"
    brings = suggestion.impact * suggestion.confidence
    if role == "cost" and suggestion.effort > EFFORT_MAX * brings:  # (3) takes more than it brings
        return Stance.REJECT, 0.9, f"effort {suggestion.effort} for an impact of {brings:.1f}"
    held = suggestion.trial is PatchTrial.HELD
    sure = max(suggestion.confidence, _HELD if held else 0.0)
    return Stance.APPROVE, sure, "its patch held" if held else "it is worth what it takes"


def _suggestions(prior: dict[str, Any]) -> Iterable[Suggestion]:
    found = [name for name in sorted(prior) if name.endswith(_NAME)]
    if not found:
        give_up("no earlier stage hands over suggestions.json: require one that suggests")
    for name in found:
        try:
            yield from TypeAdapter(list[Suggestion]).validate_json(
                Path(prior[name]["path"]).read_bytes()
            )
        except (OSError, ValidationError) as error:
            give_up(f"{name} is no list of suggestions: {error}"[:400])


def _count(opinions: Iterable[dict[str, Any]], stance: Stance) -> int:
    return sum(each["decision"] == stance for each in opinions)


if __name__ == "__main__":
    main()

"""A consensus gate that decides suggestions one by one: what its members say together.

1. What is suggested stands in the output of the gate's suggester: ``suggestions``, a list of
   ``{id, risk, trial}``. What cannot be read of one makes it of high risk; where the list itself
   cannot be read, or holds more than a council decides about, people decide.
2. Each is decided by ``dsl.rules.review.decision``; weights, the confidence that a seat takes and
   the quorum are the gate's.
3. One that is for people, and the gate asks people. Otherwise it passes: with what was approved,
   rejected and deferred, each by its rule. A gate passes also where nothing was suggested.
4. A name that stands twice in the list is unreadable, twice: nobody knows which was judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dsl.limits import DECISION_WHY_LENGTH_MAX, SUGGESTIONS_MAX
from dsl.review.decision import CouncilDecision, CouncilRuling, DecisionRule, Opinion, Stance
from dsl.review.suggestion import SUGGESTION_PATTERN, PatchTrial, Risk
from dsl.rules.gates.council import APPROVE, ESCALATE, Advice, Member, Voice
from dsl.rules.review.decision import RULING_OF, Seat, decide
from dsl.rules.review.opinions import opinions_in

_RISKS: Final = frozenset(Risk)
_TRIALS: Final = frozenset(PatchTrial)


def advise_on(suggester: Member, members: Iterable[Member], *, quorum: int) -> Advice:
    """Return what ``members`` say together of what ``suggester`` has put out."""
    panel = tuple(members)
    heard = {member.stage: _said_by(member) for member in panel}
    voices = tuple(_voice(member, heard[member.stage]) for member in panel)
    suggested = suggester.output.get("suggestions") if suggester.completed else None
    if (
        not isinstance(suggested, list | tuple) or len(suggested) > SUGGESTIONS_MAX
    ):  # (1) unreadable
        why = f"{suggester.stage!r} has put out no list of at most {SUGGESTIONS_MAX} suggestions"
        return Advice(ESCALATE, voices, why)
    decisions = tuple(
        _decided(each, is_known_once, panel, heard, quorum)
        for each, is_known_once in _each_once(suggested)
    )
    counts = Counter(each.ruling for each in decisions)
    told = ", ".join(f"{counts[ruling]} {ruling}" for ruling in CouncilRuling if counts[ruling])
    # (3) one that is for people, and people are asked
    verdict = ESCALATE if counts[CouncilRuling.HUMAN] else APPROVE
    return Advice(verdict, voices, f"suggestions: {told or 'none'}", decisions)


def _each_once(suggested: Sequence[Any]) -> list[tuple[Any, bool]]:
    names = [each.get("id") if isinstance(each, Mapping) else None for each in suggested]
    counts = Counter(name for name in names if isinstance(name, str))
    return [
        (each, isinstance(name, str) and counts[name] == 1)
        for each, name in zip(suggested, names, strict=True)
    ]


def _decided(
    suggested: Any,
    is_known_once: bool,  # noqa: FBT001 - one of two
    panel: Sequence[Member],
    heard: Mapping[str, dict[str, Opinion | str] | str],
    quorum: int,
) -> CouncilDecision:
    name, risk, trial = _read(suggested)
    if (
        not is_known_once or re.fullmatch(SUGGESTION_PATTERN, name) is None
    ):  # (4) nobody knows which
        rule = DecisionRule.UNREADABLE
        shown = name[:DECISION_WHY_LENGTH_MAX]
        return CouncilDecision(shown, RULING_OF[rule], rule, "its name is none, or stands twice")
    seats = (_seat(member, heard[member.stage], name) for member in panel)
    return decide(name, risk, trial, seats, quorum=quorum)


def _read(suggested: Any) -> tuple[str, Risk, PatchTrial]:
    """Return name, risk and trial; what cannot be read is of high risk (1)."""
    said = suggested if isinstance(suggested, Mapping) else {}
    name, risk, trial = said.get("id"), said.get("risk"), said.get("trial", PatchTrial.NONE.value)
    is_tried = isinstance(trial, str) and trial in _TRIALS
    is_read = isinstance(risk, str) and risk in _RISKS and is_tried
    return (
        name if isinstance(name, str) else "",
        Risk(str(risk)) if is_read else Risk.HIGH,
        PatchTrial(trial) if is_tried else PatchTrial.UNTRIED,
    )


def _said_by(member: Member) -> dict[str, Opinion | str] | str:
    return opinions_in(member.output) if member.completed else {}


def _seat(member: Member, said: dict[str, Opinion | str] | str, name: str) -> Seat:
    opinion = said if isinstance(said, str) else said.get(name)
    return Seat(
        stage=member.stage,
        weight=member.weight,
        min_confidence=member.min_confidence,
        opinion=opinion if isinstance(opinion, Opinion) else None,
        doubt=opinion if isinstance(opinion, str) else "",
        silence="says nothing of it"
        if member.completed
        else f"did not complete: {member.detail}".removesuffix(": "),
    )


def _voice(member: Member, said: dict[str, Opinion | str] | str) -> Voice:
    if not member.completed:
        why = f"{member.stage!r} did not complete: {member.detail}".removesuffix(": ")
        return Voice(member.stage, member.weight, doubt=why)
    if isinstance(said, str):
        return Voice(member.stage, member.weight, doubt=f"{member.stage!r} {said}")
    counts = Counter(each.stance if isinstance(each, Opinion) else None for each in said.values())
    told = ", ".join(f"{counts[stance]} {stance}" for stance in Stance if counts[stance])
    doubt = f"{member.stage!r} is unclear about {counts[None]}" if counts[None] else ""
    return Voice(member.stage, member.weight, rationale=told or "nothing", doubt=doubt)

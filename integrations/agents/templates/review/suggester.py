"""suggester: what could be done about the anomalies it is given, in rank, with patches tried.

Input: ``workspace`` (absolute; the engine sets it) and what the template declares. It reads every
``<stage>/anomalies.json`` it is handed. Output: ``suggestions``, those a council decides about,
each with ``id``, ``risk`` and ``trial``; ``left``, how many more there are; ``known``, the findings
that need not be suggested about again, once this was answered. Artifacts:
``suggestions.json`` with all that is known of each, and ``suggestions.md`` for people.

1. ``checks`` executes what the workspace says, in the sandbox that this program runs in. Where the
   machine has none, it is refused before anything is done.
2. What does not have the form of an anomaly is refused: half a list would be half a review.
3. About what is ``known`` nothing is suggested: see ``dsl.rules.review.known``.
4. ``learned`` is what the ledger knew when the run was started, by kind: accepted, and all.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dsl.limits import DOCUMENT_BYTES_MAX, SUGGESTIONS_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.remedy import Remedy
from dsl.review.suggestion import Suggestion
from dsl.rules.review.known import known_in, known_of, short
from dsl.rules.review.ranking import share
from dsl.values.strict_json import JsonError, read
from integrations.agents.sandbox import landlock
from integrations.review.suggester import suggestions_for

sys.path.insert(0, str(Path(__file__).parents[1]))  # beside its template

from contract import (
    asked,
    below,
    finish,
    give_up,
    leave,
    leave_json,
    workspace,
)

_NAME = "/anomalies.json"


def main() -> None:
    """Answer one request."""
    request = asked()
    given = request["input"]
    root = workspace(given) / below(given, "path", ".")
    checks = checks_of(given)
    seen = list(_anomalies(request["prior"]))
    known = _known(given.get("known") or "[]")
    anomalies = [
        each for each in seen if short(each.fingerprint) not in known
    ]  # (3) answered before
    suggestions = suggestions_for(root, anomalies, _learned(given.get("learned") or "{}"), checks)
    told = suggestions[:SUGGESTIONS_MAX]
    leave_json("suggestions.json", [each.model_dump(mode="json") for each in told])
    leave("suggestions.md", "text/markdown", page(told))
    left = len(suggestions) - len(told)
    finish(
        f"{len(told)} suggestions for {len(anomalies)} anomalies",
        {
            "suggestions": [
                {"id": each.id, "risk": each.risk.value, "trial": each.trial.value} for each in told
            ],
            "left": left,
            "known": known_of(
                known,
                (each.fingerprint for each in seen),
                (name for each in told for name in each.anomalies),
            ),
        },
    )


def checks_of(given: dict[str, Any]) -> list[str]:
    """Return the command that whoever started the run has named (1)."""
    try:
        checks = shlex.split(given.get("checks") or "")
    except ValueError as error:
        give_up(f"input `checks` is no command: {error}")
    if checks and not landlock.abi():
        give_up(
            "input `checks` runs what the repository says, only in a sandbox, and this machine has "
            "none: use Linux 5.13 or newer, or leave it out",
            os.EX_CONFIG,
        )
    return checks


def page(suggestions: Sequence[Suggestion]) -> str:
    """Return the suggestions for people, as Markdown."""
    lines = ["# Suggestions", "", "| suggestion | risk | patch | what |", "|---|---|---|---|"]
    for each in suggestions:
        place = f"{each.place.path}:{each.place.line}"
        what = f"{place}: {each.title}".replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {each.id} | {each.risk} | {each.trial} | {what} |")
    return "\n".join([*lines, ""])


def _anomalies(prior: dict[str, Any]) -> Iterable[Anomaly]:
    found = [name for name in sorted(prior) if name.endswith(_NAME)]
    if not found:
        give_up("no earlier stage hands over anomalies.json: require one that watches")
    for name in found:
        try:
            yield from TypeAdapter(list[Anomaly]).validate_json(
                Path(prior[name]["path"]).read_bytes()
            )
        except (OSError, ValidationError) as error:  # (2) half a list is half a review
            give_up(f"{name} is no list of anomalies: {error}"[:400])


def _known(text: str) -> frozenset[str]:
    try:
        return frozenset(known_in(read(text, bytes_max=DOCUMENT_BYTES_MAX)))
    except JsonError as error:
        give_up(f"input `known`: expected a list of findings: {error}")


def _learned(text: str) -> dict[Remedy, Fraction]:
    """Return acceptance by kind, from ``{"<remedy>": [accepted, all]}`` (4)."""
    try:
        told = read(text, bytes_max=DOCUMENT_BYTES_MAX)
        return {
            Remedy(name): share(min(int(accepted), int(count)), int(count))
            for name, (accepted, count) in told.items()
            if int(accepted) >= 0 and int(count) >= 0
        }
    except (ValueError, TypeError, AttributeError) as error:
        give_up(f'input `learned`: expected {{"pin-dependency": [accepted, all]}}: {error}')


if __name__ == "__main__":
    main()

"""What semgrep finds by rules of the repository, where both are there.

It is found on the path of whoever asks, since it lives in an environment of its own.

1. It is never let ask a registry, nor any other server: a review does not depend on what somebody
   else changes, and a repository of strangers sends us nowhere. Of its rules those are taken that
   are patterns and nothing else (``MODES``, and no ``ASKING`` key); each of the others is noted.
2. It is given the rules as they were read here, so that it reads no other ones.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dsl.document.loader import load
from dsl.errors import DslError
from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene, answer_of, batches, within
from integrations.review.running import run

LIMIT_S: Final = 300.0
RULES: Final = (".semgrep.yml", ".semgrep.yaml")
RULES_BYTES_MAX: Final = 1 << 20
NAME_SHOWN_MAX: Final = 80
MODES: Final = ("search", "taint")  # of rules; "join" names others by their address
ASKING: Final = frozenset({"join", "validators", "request", "r2c-internal-project-depends-on"})
TOOL: Final = "semgrep"
_SEVERITIES: Final = {"ERROR": AnomalySeverity.HIGH, "WARNING": AnomalySeverity.MEDIUM}


def _observe(scene: Scene, seen: Observation) -> None:
    found = next((each for each in RULES if each in scene.snapshot.others), None)
    program = shutil.which("semgrep")
    if found is None:
        return
    rules = scene.snapshot.read(found, RULES_BYTES_MAX)
    if program is None or rules is None:
        why = "is not on the path" if program is None else f"cannot be given {found}"
        seen.notes.append(f"semgrep: there are rules in {found}, and semgrep {why}")
        return
    taken = list(_patterns(rules, found, seen))
    if taken:
        named = scene.scratch / "semgrep.json"
        named.write_text(json.dumps({"rules": taken}))  # (2) as they were read
        _ask(program, named, scene, seen)


def _patterns(rules: bytes, source: str, seen: Observation) -> Iterator[dict[str, Any]]:
    """Yield the rules that are patterns and nothing else (1)."""
    try:
        told = load(rules, source).data
    except DslError as error:
        seen.notes.append(f"semgrep: {source} is not read: {error.problems[0].message}")
        return
    if not isinstance(told, dict) or not isinstance(told.get("rules"), list):
        seen.notes.append(f"semgrep: {source} has no list of rules")
        return
    for rule in told["rules"]:
        if (
            isinstance(rule, dict)
            and rule.get("mode", "search") in MODES
            and not ASKING & rule.keys()
        ):
            yield rule
        else:
            name = str(rule.get("id") if isinstance(rule, dict) else rule)[:NAME_SHOWN_MAX]
            seen.notes.append(f"semgrep: {name!r} of {source} is no pattern alone, so not asked")


def _ask(program: str, rules: Path, scene: Scene, seen: Observation) -> None:
    options = (f"--config={rules}", "--json", "--quiet", "--metrics=off", "--no-git-ignore")
    more = ("--disable-version-check", "--disable-nosem")
    for batch in batches(scene.parsed):
        command = [program, "scan", *options, *more, *batch]
        answer = answer_of(run(command, cwd=scene.snapshot.copy, limit_s=LIMIT_S))
        for item in answer["results"]:
            seen.sightings.append(
                Sighting(
                    kind=AnomalyKind.SECURITY,
                    severity=_SEVERITIES.get(item["extra"]["severity"], AnomalySeverity.LOW),
                    confidence=0.7,
                    path=within(scene.snapshot.copy, item["path"]),
                    line=item["start"]["line"],
                    message=item["extra"]["message"],
                    tool=TOOL,
                    rule="rule",
                    symbol="",
                    mark=item["check_id"].rpartition(".")[2],
                )
            )


SEMGREP: Final = Observer("semgrep", _observe)

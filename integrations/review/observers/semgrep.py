"""What semgrep finds by rules of the repository, where both are there.

It is never let ask a registry: a review does not depend on what somebody else changes. Rules are
patterns, not code. It is found on the path of whoever asks, since it lives in an environment of its
own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene, answer_of, batches, within
from integrations.review.running import run

LIMIT_S: Final = 300.0
RULES: Final = (".semgrep.yml", ".semgrep.yaml")
RULES_BYTES_MAX: Final = 1 << 20
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
    named = scene.scratch / "semgrep.yml"
    named.write_bytes(rules)
    _ask(program, named, scene, seen)


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

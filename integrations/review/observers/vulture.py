"""What vulture finds that nothing uses.

1. All files are read, also where few of them count: what is used is used by others.
2. What a package offers is used by those who install it, whom nobody sees from here: of what only
   looks unused, private names alone are told. What can never run is told whatever its name.
3. What is decorated, or a method of a class with a base, is called by whom it was lent to.
"""

from __future__ import annotations

import re
from typing import Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import TOOL_LIMIT_S, Observer, Scene, within
from integrations.review.running import ToolFailedError, python, run, said

TOOL: Final = "vulture"
_LINE: Final = re.compile(r"(.+?):(\d+): (.+) \((\d+)% confidence\)")
_NAME: Final = re.compile(r"unused (\w+) '(.+)'")
_PRIVATE: Final = re.compile(r"_[A-Za-z]\w*")
_HOOKS: Final = re.compile(r"_(missing_|generate_next_value_|repr_\w+_|asdict|replace|ignore_)")
_OTHERS: Final = (
    "import",
    "variable",
    "attribute",
    "property",
    "argument",
)  # ruff knows, or none does
_STATUS_FOUND: Final = 3
_SURE: Final = 100  # percent


def _observe(scene: Scene, seen: Observation) -> None:
    copy = scene.snapshot.copy
    settings = scene.scratch / "vulture.toml"
    settings.write_text("[tool.vulture]\n")  # without one it looks for the reviewed code's own
    options = ("--min-confidence", "60", "--config", str(settings))
    # (1) all files
    ran = run(python("-m", "vulture", *options, "./"), cwd=copy, limit_s=TOOL_LIMIT_S)
    if ran.status not in (0, 1, _STATUS_FOUND):
        raise ToolFailedError(said(ran))
    for line in ran.out.decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is not None and (sighting := _sighting(scene, *match.groups())) is not None:
            seen.sightings.append(sighting)


def _sighting(scene: Scene, name: str, line: str, says: str, percent: str) -> Sighting | None:
    path = within(scene.snapshot.copy, name)
    named = _NAME.fullmatch(says)
    if named is None:
        rule, confidence = "unreachable", int(percent) / 100
    elif named[1] in _OTHERS or not _PRIVATE.fullmatch(named[2]) or _HOOKS.match(named[2]):
        return None  # (2) private names alone
    elif int(line) in scene.outlines[path].lent:
        return None  # (3) others call it
    else:
        rule, confidence = f"unused-{named[1]}", 0.75
    return Sighting(
        kind=AnomalyKind.DEAD_CODE,
        severity=AnomalySeverity.LOW if named else AnomalySeverity.MEDIUM,
        confidence=confidence,
        path=path,
        line=int(line),
        message=says,
        tool=TOOL,
        rule=rule,
        symbol=named[2] if named else "",
    )


VULTURE: Final = Observer("vulture", _observe, needs=("vulture",))

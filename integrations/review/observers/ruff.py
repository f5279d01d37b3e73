"""What ruff knows: code that cannot be right, names that nothing uses, functions beyond measure.

1. The rules are chosen here and are few: each says something that a person would mend. Style is
   its authors' business.
2. No configuration is read, and no comment of the reviewed code silences a rule, but for an unused
   import: who marks one means it, and nothing follows from it.
3. What a package imports in its ``__init__``, what another file takes from this one, and what the
   code can live without is not unused.
4. A name that nothing reads may keep a task alive: where a task is started and nothing else refers
   to it, that is told, and not that the name can go.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import (
    TOOL_LIMIT_S,
    Observer,
    Scene,
    answer_of,
    batches,
    is_test,
    within,
)
from integrations.review.running import python, run
from integrations.review.snapshot import FILE_BYTES_MAX

COMPLEXITY_MAX: Final = 15
COMPLEXITY_FAR: Final = 30
STATEMENTS_MAX: Final = 80
TOOL: Final = "ruff"
_SURE: Final = (
    *("F502", "F503", "F504", "F505", "F506", "F507", "F508", "F509", "F521", "F522", "F524"),
    *("F525", "F621", "F622", "F632", "F633", "F701", "F702", "F704", "F706", "F707", "F811"),
    *("F821", "F822", "F823", "PLE"),
)
_LIKELY: Final = (
    *("B002", "B003", "B005", "B006", "B012", "B015", "B016", "B020", "B021", "B022"),
    *("B025", "B029", "B030", "B031", "B032", "B033", "B035", "B039", "F601", "F631", "F634"),
    *("PLW0128", "PLW0129", "PLW0133", "PLW0177", "PLW0245", "PLW1501"),
    *("PLW1508", "PLW2101", "PLR0124", "RUF006", "ASYNC210", "ASYNC220", "ASYNC221", "ASYNC222"),
    *("ASYNC230", "ASYNC251"),
)
_MILD: Final = ("B023", "E722", "PLW0120")
_UNUSED: Final = ("F401", "F841", "PLW0604")
_MEASURED: Final = ("C901", "PLR0915")
_SELECTED: Final = ",".join((*_SURE, *_LIKELY, *_MILD, *_UNUSED, *_MEASURED))
_FATAL: Final = (
    "F821",
    "F822",
    "F823",
    "F70",
    "PLE01",
    "PLE06",
    "PLE1142",
)  # it breaks when it runs
_NAMED: Final = re.compile(r"`(\S+?)(?: as \S+)?` imported")
# What is defined where it runs: in a notebook, under a type checker, by gettext.
_OFFERED: Final = ("get_ipython", "display", "reveal_type", "_")
_OPTIONS: Final = (
    "check",
    "--isolated",  # (2) no configuration
    "--ignore-noqa",
    "--no-cache",
    "--exit-zero",
    "--quiet",
    "--output-format=json",
    f"--select={_SELECTED}",
    f"--config=builtins={list(_OFFERED)}",
    f"--config=lint.mccabe.max-complexity={COMPLEXITY_MAX}",
    f"--config=lint.pylint.max-statements={STATEMENTS_MAX}",
)


def _observe(scene: Scene, seen: Observation) -> None:
    copy = scene.snapshot.copy
    taken = frozenset().union(*(each.taken for each in scene.outlines.values()))
    for batch in batches(scene.parsed):
        ran = run(python("-m", "ruff", *_OPTIONS, *batch), cwd=copy, limit_s=TOOL_LIMIT_S)
        items = answer_of(ran)
        tasks = {_line(copy, each) for each in items if each["code"] == "RUF006"}
        for item in items:
            path = within(copy, item["filename"])
            rule = item["code"] or ""
            if rule == "F401" and _is_meant(scene, item, path, taken):
                continue
            if rule == "F841" and _line(copy, item) in tasks:
                continue  # (4) it keeps a task alive
            if rule == "F821" and _quoted(item["message"]) in scene.outlines[path].probed:
                continue  # it finds out whether there is such a name
            if rule.startswith("ASYNC") and is_test(path):
                continue  # a test keeps nobody else waiting
            if rule[:1].isupper() and rule[-1:].isdigit():
                seen.sightings.append(_sighting(item, rule, path))


def _line(copy: Path, item: dict[str, Any]) -> tuple[str, int]:
    return within(copy, item["filename"]), item["location"]["row"]


def _quoted(message: str) -> str:
    return str(message.partition("`")[2].partition("`")[0])


def _is_meant(scene: Scene, item: dict[str, Any], path: str, taken: frozenset[str]) -> bool:
    """Tell whether an import is there for others (3), or is marked (2)."""
    line = item["location"]["row"]
    file = PurePosixPath(path)
    if file.name == "__init__.py" or line in scene.outlines[path].guarded:
        return True
    name = _NAMED.match(item["message"])
    if name is not None:
        called = scene.outlines[path].renamed.get(name[1], name[1].rpartition(".")[2])
        if f"{file.stem}.{called}" in taken or f"{file.stem}.*" in taken:
            return True
    text = (scene.snapshot.read(path, FILE_BYTES_MAX) or b"").splitlines()
    for at in range(min(line, len(text)) - 1, -1, -1):  # up to where the statement begins
        if b"noqa" in text[at]:
            return True
        if text[at].lstrip().startswith((b"from ", b"import ")):
            return False
    return False


def _sighting(item: dict[str, Any], rule: str, path: str) -> Sighting:
    kind, severity, confidence = _graded(rule, item["message"])
    return Sighting(
        kind=kind,
        severity=severity,
        confidence=confidence,
        path=path,
        line=item["location"]["row"],
        message=item["message"],
        tool=TOOL,
        rule=rule,
    )


def _graded(rule: str, message: str) -> tuple[AnomalyKind, AnomalySeverity, float]:
    kind, severity = AnomalyKind, AnomalySeverity
    if rule == "C901":
        far = _measure(message) > COMPLEXITY_FAR
        return kind.COMPLEXITY, severity.MEDIUM if far else severity.LOW, 0.9
    if rule == "PLR0915":
        return kind.SIZE, severity.LOW, 0.9
    if rule.startswith(_UNUSED):
        return kind.DEAD_CODE, severity.LOW, 0.9
    if rule.startswith(_FATAL):
        return kind.DEFECT, severity.HIGH, 0.9
    if rule.startswith(_MILD):
        return kind.DEFECT, severity.LOW, 0.7
    return kind.DEFECT, severity.MEDIUM, 0.9 if rule.startswith(_SURE) else 0.8


def _measure(message: str) -> int:
    """Return the number in ``name is too complex (17 > 15)``."""
    digits = message.rpartition("(")[2].partition(">")[0].strip()
    return int(digits) if digits.isdigit() else 0


RUFF: Final = Observer("ruff", _observe, needs=("ruff",))

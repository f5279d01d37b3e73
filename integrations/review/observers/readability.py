"""Files that Python cannot read, and files too long to be read by people."""

from __future__ import annotations

from typing import Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene

LINES_MAX: Final = 1_500
LINES_FAR: Final = 4_000  # above this it is worse
TOOL: Final = "python"


def _observe(scene: Scene, seen: Observation) -> None:
    for path in scene.snapshot.looked_at:
        outline = scene.outlines[path]
        if outline.error:
            seen.sightings.append(
                Sighting(
                    kind=AnomalyKind.UNREADABLE,
                    severity=AnomalySeverity.HIGH,
                    confidence=0.9,
                    path=path,
                    line=outline.error_line,
                    message=f"Python cannot parse this file: {outline.error}",
                    tool=TOOL,
                    rule="syntax",
                )
            )
        elif outline.lines > LINES_MAX:
            seen.sightings.append(_long(path, outline.lines))


def _long(path: str, lines: int) -> Sighting:
    far = lines > LINES_FAR
    return Sighting(
        kind=AnomalyKind.SIZE,
        severity=AnomalySeverity.MEDIUM if far else AnomalySeverity.LOW,
        confidence=0.9,
        path=path,
        line=0,
        message=f"a file of {lines} lines; more than {LINES_MAX} are hard to find anything in",
        evidence=f"{lines} lines",
        tool=TOOL,
        rule="file-length",
    )


READABILITY: Final = Observer("readability", _observe)

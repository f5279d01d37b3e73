"""Tests that pass whatever the code does."""

from __future__ import annotations

from typing import Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene

TOOL: Final = "ast"


def _observe(scene: Scene, seen: Observation) -> None:
    for path in scene.parsed:
        for line, name, calls in scene.outlines[path].empty:
            seen.sightings.append(_sighting(path, line, name, calls=calls))


def _sighting(path: str, line: int, name: str, *, calls: bool) -> Sighting:
    says = "runs code and asserts nothing" if calls else "runs nothing and asserts nothing"
    return Sighting(
        kind=AnomalyKind.EMPTY_TEST,
        severity=AnomalySeverity.LOW if calls else AnomalySeverity.MEDIUM,
        confidence=0.7 if calls else 0.95,
        path=path,
        line=line,
        message=f"{name} {says}",
        tool=TOOL,
        rule="no-assertion" if calls else "no-test",
        symbol=name,
    )


TESTS: Final = Observer("tests", _observe)

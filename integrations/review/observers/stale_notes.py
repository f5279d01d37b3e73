"""Notes of something to be done, and for how long nobody has done it: git knows when they came.

1. A note is a comment with a word such as the regular expression in ``children/outline.py`` names.
2. Where there is no history nobody knows how old a note is, so none is told.
3. git is asked about the last commit; a note that is not in it is new.
"""

from __future__ import annotations

from typing import Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.git import history_of
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene
from integrations.review.running import ToolFailedError

DAYS_MAX: Final = 365
DAYS_FAR: Final = 3 * 365
FILES_MAX: Final = 200  # git is asked about each by itself
TOOL: Final = "git"
_DAY_S: Final = 86_400


def _observe(scene: Scene, seen: Observation) -> None:
    files = [path for path in scene.parsed if scene.outlines[path].notes]
    if not files:
        return
    try:
        history = history_of(scene.snapshot.root, scene.scratch / "notes")
    except ToolFailedError as error:
        # (2) nobody knows
        seen.notes.append(f"notes: {error}, so nobody knows how old they are")
        return
    if len(files) > FILES_MAX:
        seen.notes.append(f"notes: {len(files)} files have some; {FILES_MAX} were looked at")
    for path in files[:FILES_MAX]:
        try:
            written = history.committed_at(path)
        except ToolFailedError:
            continue  # (3) not in the last commit
        for line, text in scene.outlines[path].notes:
            when = [at for each, at in written.items() if text in each]
            days = int(scene.now_s - min(when)) // _DAY_S if when else 0
            if days > DAYS_MAX:
                seen.sightings.append(_stale(path, line, text, days))


def _stale(path: str, line: int, text: str, days: int) -> Sighting:
    return Sighting(
        kind=AnomalyKind.STALE_NOTE,
        severity=AnomalySeverity.MEDIUM if days > DAYS_FAR else AnomalySeverity.LOW,
        confidence=0.85,
        path=path,
        line=line,
        message=f"a note that is {days} days old: {text.lstrip('# ')}",
        tool=TOOL,
        rule="stale-note",
        mark=text,
    )


STALE_NOTES: Final = Observer("notes", _observe)

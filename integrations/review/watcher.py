"""The bug watcher: every observer looks at a copy, and what they see is put together.

1. Nothing of the repository is executed and nothing in it is obeyed: see ``snapshot``, ``git``.
2. What could not be done is told: an observer that fails, that is not installed, or that leaves
   something out is a note. Whoever reads the report knows what it is silent about.
3. Observers look side by side, and the answer does not depend on who is done first.
4. A sighting without symbol or mark gets them from where it stands: the function around it, and the
   line of code. So all tools are named by one rule, ``dsl.rules.review.fingerprints``.
5. What Python cannot parse is told as that; no tool is given it, since half of them end there.
6. Where there is no Python, there may be pipelines: then who looks at Python is not asked. Where
   there is neither, that is a refusal: a review of nothing would be taken for a good one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from dsl.review.anomaly import Anomaly
from dsl.review.sighting import Sighting
from dsl.rules.review.fingerprints import named
from integrations.review.git import history_of
from integrations.review.lines import lines_of
from integrations.review.observation import Observation
from integrations.review.observers.bandit import BANDIT
from integrations.review.observers.coverage import COVERAGE
from integrations.review.observers.dependencies import DEPENDENCIES
from integrations.review.observers.imports import IMPORTS
from integrations.review.observers.observer import (
    INSTALL,
    SEEN_MAX,
    Observer,
    Scene,
    missing_of,
)
from integrations.review.observers.pipelines import PIPELINES, has_pipelines
from integrations.review.observers.readability import READABILITY
from integrations.review.observers.ruff import RUFF
from integrations.review.observers.semgrep import SEMGREP
from integrations.review.observers.stale_notes import STALE_NOTES
from integrations.review.observers.tests import TESTS
from integrations.review.observers.types import TYPES
from integrations.review.observers.vulture import VULTURE
from integrations.review.outlines import outlined
from integrations.review.running import ToolFailedError, end_all
from integrations.review.snapshot import FILE_BYTES_MAX, NotReviewableError, Snapshot, taken

SIDE_BY_SIDE: Final = 2
# The slow ones first, so that none of them is left for the end.
OBSERVERS: Final = (
    *(TYPES, BANDIT, VULTURE, IMPORTS, RUFF, DEPENDENCIES, STALE_NOTES, PIPELINES, COVERAGE),
    *(READABILITY, TESTS, SEMGREP),
)


@dataclass(frozen=True, slots=True)
class WatcherReport:
    """What was found, what was not looked at, and how long each observer took."""

    anomalies: tuple[Anomaly, ...]  # the worst first
    notes: tuple[str, ...]
    files: int  # that were looked at
    lines: int
    took_s: tuple[tuple[str, float], ...]


def watch(
    root: Path,
    *,
    since: str | None = None,
    now_s: float | None = None,
    observers: Sequence[Observer] = OBSERVERS,
) -> WatcherReport:
    """Look at the repository at ``root``; with ``since`` at what has changed since that commit.

    Raises:
        NotReviewableError: there is nothing that can be reviewed.
    """
    with tempfile.TemporaryDirectory(prefix="mandate-review-") as folder:
        copy, scratch = Path(folder, "copy"), Path(folder, "scratch")
        copy.mkdir()
        scratch.mkdir()
        snapshot = taken(root.absolute(), copy)
        if not snapshot.files:
            _require_pipelines(snapshot)
            observers = [each for each in observers if not each.is_of_python]  # (6) not asked
        if since is not None:
            snapshot = _narrowed(snapshot, since, scratch)
        now_s = time.time() if now_s is None else now_s
        scene = Scene(snapshot, outlined(snapshot), scratch, now_s)
        for path, outline in scene.outlines.items():
            if outline.error:
                (copy / path).unlink()  # (5) no tool is given it
        pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        try:
            seen = list(pool.map(lambda each: _ask(each, scene), observers))  # (3) in this order
        except BaseException:  # somebody gives up: no tool goes on for nobody
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
        finally:
            pool.shutdown()
        return _put_together(scene, observers, seen)


def _narrowed(snapshot: Snapshot, since: str, scratch: Path) -> Snapshot:
    try:
        changed = history_of(snapshot.root, scratch / "since").changed_since(since, snapshot)
    except ToolFailedError as error:
        raise NotReviewableError(
            f"what has changed since {since!r} is not known: {error}"
        ) from None
    return replace(snapshot, changed=changed)


def _require_pipelines(snapshot: Snapshot) -> None:
    if not has_pipelines(snapshot):
        raise NotReviewableError(
            f"there is no Python and no pipeline in {snapshot.root}: nothing to review"
        )


def _ask(observer: Observer, scene: Scene) -> tuple[Observation, float]:
    """Let one look; whatever goes wrong with it is a note (2)."""
    seen, began = Observation(), time.monotonic()
    missing = missing_of(observer)
    if missing:
        lacking = ", ".join(missing)
        seen.notes.append(f"{observer.name}: {lacking} is not installed ({INSTALL}), so not asked")
        return seen, 0.0
    try:
        observer.observe(scene, seen)
    except ToolFailedError as error:
        seen.notes.append(f"{observer.name}: {error}")
    except (OSError, MemoryError, RecursionError) as error:
        seen.notes.append(f"{observer.name}: could not look: {error!r}")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        # A tool of another release that answers in another form.
        seen.notes.append(f"{observer.name}: its answer is not understood: {error!r}")
    return seen, time.monotonic() - began


def _put_together(
    scene: Scene, observers: Sequence[Observer], seen: Sequence[tuple[Observation, float]]
) -> WatcherReport:
    snapshot = scene.snapshot
    line_of = _reader(snapshot)
    sightings: list[Sighting] = []
    notes = list(snapshot.notes)
    besides = {path: lines for one, _ in seen for path, lines in one.besides.items()}
    for observer, (observation, _) in zip(observers, seen, strict=True):
        counted = [each for each in observation.sightings if snapshot.is_looked_at(each.path)]
        if len(counted) > SEEN_MAX:
            counted = counted[:SEEN_MAX]
            notes.append(f"{observer.name}: more than {SEEN_MAX} findings; the rest is not told")
        sightings += [_completed(each, scene, line_of) for each in counted]
        notes += observation.notes
    return WatcherReport(
        anomalies=tuple(named(sightings)),
        notes=tuple(notes),
        files=len(snapshot.looked_at) + len(besides),
        lines=sum(scene.outlines[path].lines for path in snapshot.looked_at)
        + sum(besides.values()),
        took_s=tuple((each.name, took) for each, (_, took) in zip(observers, seen, strict=True)),
    )


def _completed(each: Sighting, scene: Scene, line_of: Callable[[str, int], str]) -> Sighting:
    """Say on what it stands, where its tool has not said so (4)."""
    outline = scene.outlines.get(each.path)
    symbol = each.symbol or (outline.symbol_at(each.line) if outline and each.line else "")
    text = line_of(each.path, each.line) if each.line else ""
    # A measure is of the whole function: its first line may change, and its number does.
    mark = each.mark or ("" if each.symbol else text)
    return replace(each, symbol=symbol, mark=mark, evidence=each.evidence or text.strip())


def _reader(snapshot: Snapshot) -> Callable[[str, int], str]:
    @cache
    def lines(path: str) -> list[str]:
        data = snapshot.read(path, FILE_BYTES_MAX) or b""
        return lines_of(data.decode("utf-8", "replace"))

    def line_of(path: str, number: int) -> str:
        found = lines(path)
        return found[number - 1].rstrip("\r\n") if 0 < number <= len(found) else ""

    return line_of

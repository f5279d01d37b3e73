"""A patch tried in a copy of the repository: does it do what it says, and does anything break?

1. It parses; the anomalies that it is for are gone from the patched file, and nothing there is
   unreadable or worse than before. Asked of observers that see them there without the patch: of
   what is not seen so, being gone says nothing, and then nobody has tried it.
2. The repository's own checks run only where somebody has named them, in a copy of it, and only
   inside the sandbox of an agent: ``checks`` is given by an agent's program and by nobody else.
   They execute what the repository says.
3. Checks that fail without the patch say nothing of it: then it is unchecked, and says so.
4. The copy has limits of size; beyond them nothing is checked, and that is said.
5. Patches are tried each by itself: each file has a folder of its own, and all are looked at once.
6. All checks together have ``CHECKS_LIMIT_S``, within the time of the stage: past it nothing is
   checked, and that is said. They find programs where the sandbox does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dsl.limits import MESSAGE_LENGTH_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.kinds import AnomalyKind
from dsl.review.suggestion import PatchTrial
from integrations.review.observers.bandit import BANDIT
from integrations.review.observers.readability import READABILITY
from integrations.review.observers.ruff import RUFF
from integrations.review.running import ToolFailedError, run, said
from integrations.review.snapshot import NotReviewableError
from integrations.review.watcher import watch

COPY_BYTES_MAX: Final = 128 << 20
COPY_FILES_MAX: Final = 20_000
CHECK_LIMIT_S: Final = 300.0
CHECKS_LIMIT_S: Final = 600.0
_NO_TIME: Final = "no time was left"
_GONE: Final = "it applies and parses, and what it is for is gone"
_SAID_MAX: Final = 200  # characters
_LEFT_OUT: Final = shutil.ignore_patterns(
    *(".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".mandate", ".tox", ".tools"),
    "*.pyc",
)


@dataclass(frozen=True, slots=True)
class PatchDraft:
    """One file before and after a patch, and what the patch is for."""

    path: str
    before: str
    after: str
    anomalies: tuple[Anomaly, ...]


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What came of a patch."""

    outcome: PatchTrial
    says: tuple[str, ...]


@dataclass(slots=True)
class NamedChecks:
    """The checks that somebody has named, and whether they pass as it is (2)."""

    root: Path
    command: tuple[str, ...]
    # Why they fail without; empty: they do not.
    without: str | None = field(default=None, init=False)
    left_s: float = field(default=CHECKS_LIMIT_S, init=False)  # (6) for all of them

    def try_with(self, path: str, text: str) -> TrialReport:
        """Run them with one file replaced."""
        if self.without is None:
            self.without = self._failure(None)
        named = " ".join(self.command)[:MESSAGE_LENGTH_MAX]
        if self.without and self.without != _NO_TIME:  # (3) they say nothing of it
            return TrialReport(
                PatchTrial.UNCHECKED, (f"{named}: fails without the patch: {self.without}",)
            )
        failure = self.without or self._failure((path, text))
        if failure == _NO_TIME:  # (6) nothing is checked
            return TrialReport(PatchTrial.UNCHECKED, (f"{named}: {failure}",))
        if failure:
            return TrialReport(PatchTrial.FAILED, (f"{named}: fails with the patch: {failure}",))
        return TrialReport(PatchTrial.HELD, (f"{named}: passes with the patch",))

    def _failure(self, change: tuple[str, str] | None) -> str:
        if self.left_s <= 0:
            return _NO_TIME
        began = time.monotonic()
        try:
            return self._run(change)
        except (OSError, shutil.Error) as error:
            return f"the repository could not be copied: {error}"[:MESSAGE_LENGTH_MAX]
        except ToolFailedError as error:
            is_cut_short = self.left_s < CHECK_LIMIT_S and time.monotonic() - began >= self.left_s
            return _NO_TIME if is_cut_short else str(error)
        finally:
            self.left_s -= time.monotonic() - began

    def _run(self, change: tuple[str, str] | None) -> str:
        too_large = _too_large(self.root)
        if too_large:  # (4) nothing is checked
            return too_large
        with tempfile.TemporaryDirectory(prefix="mandate-trial-") as folder:
            copy = Path(folder, "copy")
            shutil.copytree(self.root, copy, symlinks=True, ignore=_LEFT_OUT)
            if change is not None:
                (copy / change[0]).write_text(change[1], encoding="utf-8", newline="")
            path = {"PATH": os.environ.get("PATH", os.defpath)}  # (6) where the sandbox does
            limit_s = min(CHECK_LIMIT_S, self.left_s)
            ran = run(self.command, cwd=copy, limit_s=limit_s, env=path)
        return "" if ran.status == 0 else said(ran)


def try_patches(drafts: Sequence[PatchDraft], checks: NamedChecks | None) -> list[TrialReport]:
    """Try each patch by itself, and say what came of it."""
    if not drafts:
        return []
    places = [f"{number}/{each.path}" for number, each in enumerate(drafts)]
    try:
        was = _seen(places, [each.before for each in drafts])
        now = _seen(places, [each.after for each in drafts])
    except (NotReviewableError, OSError) as error:
        why = f"it could not be looked at: {error}"[:_SAID_MAX]
        return [TrialReport(PatchTrial.UNTRIED, (why,)) for _ in drafts]
    return [
        _checked(each, _compared(each, place, was, now), checks)
        for each, place in zip(drafts, places, strict=True)
    ]


def _compared(draft: PatchDraft, place: str, was: _SeenInCopy, now: _SeenInCopy) -> TrialReport:
    before, after = was.of(place), now.of(place)
    known = {_spot(each): name for name, each in before.items()}
    wanted = {known.get(_spot(each), "") for each in draft.anomalies}
    if "" in wanted:  # (1) being gone says nothing
        says = "what it is for is not seen in the file by itself"
        return TrialReport(PatchTrial.UNTRIED, (says,))
    silent = [each for each in now.notes if each not in was.notes]
    if silent:
        return TrialReport(PatchTrial.UNTRIED, (f"not looked at with it: {silent[0]}"[:_SAID_MAX],))
    worse = [each for name, each in after.items() if name not in before and _is_bad(each)]
    unreadable = [each for each in worse if each.kind is AnomalyKind.UNREADABLE]
    if unreadable:
        return TrialReport(PatchTrial.FAILED, (f"it does not parse: {unreadable[0].message}",))
    left = len(wanted & after.keys())
    if left:  # (1) they are not gone
        return TrialReport(PatchTrial.FAILED, (f"{left} of {len(wanted)} anomalies stay",))
    if worse:
        return TrialReport(PatchTrial.FAILED, (f"it brings another: {worse[0].message}",))
    return TrialReport(PatchTrial.UNCHECKED, (_GONE,))


def _checked(draft: PatchDraft, seen: TrialReport, checks: NamedChecks | None) -> TrialReport:
    if seen.outcome is not PatchTrial.UNCHECKED:
        return seen
    if checks is None:
        return replace(seen, says=(*seen.says, "no check of the repository was named"))
    checked = checks.try_with(draft.path, draft.after)
    return TrialReport(checked.outcome, (*seen.says, *checked.says))


@dataclass(frozen=True, slots=True)
class _SeenInCopy:
    """What observers see in some files."""

    anomalies: Mapping[str, Mapping[str, Anomaly]]  # by file, then by fingerprint
    notes: tuple[str, ...]

    def of(self, path: str) -> Mapping[str, Anomaly]:
        return self.anomalies.get(path, {})


def _seen(places: Sequence[str], texts: Sequence[str]) -> _SeenInCopy:
    with tempfile.TemporaryDirectory(prefix="mandate-patched-") as folder:
        for place, text in zip(places, texts, strict=True):
            file = Path(folder, place)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        report = watch(Path(folder), observers=(RUFF, BANDIT, READABILITY), now_s=0.0)
    found: dict[str, dict[str, Anomaly]] = {}
    for each in report.anomalies:
        found.setdefault(each.place.path, {})[each.fingerprint] = each
    return _SeenInCopy(found, report.notes)


def _spot(each: Anomaly) -> tuple[AnomalyKind, str, int]:
    """Return what an anomaly is known by where only the folder is another."""
    return each.kind, each.rule, each.place.line


def _is_bad(anomaly: Anomaly) -> bool:
    return anomaly.kind in (AnomalyKind.UNREADABLE, AnomalyKind.DEFECT, AnomalyKind.SECURITY)


def _too_large(root: Path) -> str:
    size = count = 0
    for where, folders, names in os.walk(root):
        left_out = _LEFT_OUT(where, folders)
        folders[:] = [each for each in folders if each not in left_out]
        count += len(names)
        size += sum(Path(where, name).lstat().st_size for name in names)
        if size > COPY_BYTES_MAX or count > COPY_FILES_MAX:
            return (
                f"more than {COPY_BYTES_MAX >> 20} MiB or {COPY_FILES_MAX} files, "
                "which are not copied"
            )
    return ""

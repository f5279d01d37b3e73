"""A patch tried in a copy of the repository: does it do what it says, and does anything break?

1. It parses; the anomalies that it is for are gone from the patched file, and nothing there is
   unreadable or worse than before. Asked of the same observers that found them.
2. The repository's own checks run only where somebody has named them, in a copy of it, and only
   inside the sandbox of an agent: ``checks`` is given by an agent's program and by nobody else.
   They execute what the repository says.
3. Checks that fail without the patch say nothing of it: then it is unchecked, and says so.
4. The copy has limits of size; beyond them nothing is checked, and that is said.
5. All checks together have ``CHECKS_LIMIT_S``, within the time of the stage: past it nothing is
   checked, and that is said. They find programs where the sandbox does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dsl.limits import MESSAGE_LENGTH_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.kinds import AnomalyKind
from dsl.review.suggestion import PatchTrial
from integrations.review.observers.bandit import BANDIT
from integrations.review.observers.ruff import RUFF
from integrations.review.running import ToolFailedError, run, said
from integrations.review.snapshot import NotReviewableError
from integrations.review.watcher import watch

COPY_BYTES_MAX: Final = 128 << 20
COPY_FILES_MAX: Final = 20_000
CHECK_LIMIT_S: Final = 300.0
CHECKS_LIMIT_S: Final = 600.0
_NO_TIME: Final = "no time was left"
_LEFT_OUT: Final = shutil.ignore_patterns(
    *(".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".mandate", ".tox", "*.pyc")
)


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
    left_s: float = field(default=CHECKS_LIMIT_S, init=False)  # (5) for all of them

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
        if failure == _NO_TIME:  # (5) nothing is checked
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
            path = {"PATH": os.environ.get("PATH", os.defpath)}  # (5) where the sandbox does
            limit_s = min(CHECK_LIMIT_S, self.left_s)
            ran = run(self.command, cwd=copy, limit_s=limit_s, env=path)
        return "" if ran.status == 0 else said(ran)


def try_patch(
    path: str, before: str, after: str, anomalies: Sequence[Anomaly], checks: NamedChecks | None
) -> TrialReport:
    """Try a patch of one file."""
    try:
        compile(after, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        return TrialReport(PatchTrial.FAILED, (f"it does not parse: {error}",))
    try:
        was, now = _seen(path, before), _seen(path, after)
    except NotReviewableError as error:
        return TrialReport(PatchTrial.FAILED, (f"it could not be looked at: {error}",))
    wanted = {each.fingerprint for each in anomalies}
    left = wanted & now.keys()
    if left:  # (1) they are not gone
        return TrialReport(PatchTrial.FAILED, (f"{len(left)} of {len(wanted)} anomalies stay",))
    worse = [each for name, each in now.items() if name not in was and _is_bad(each)]
    if worse:
        return TrialReport(PatchTrial.FAILED, (f"it brings another: {worse[0].message}",))
    says = ("it applies and parses, and what it is for is gone",)
    if checks is None:
        return TrialReport(PatchTrial.UNCHECKED, (*says, "no check of the repository was named"))
    checked = checks.try_with(path, after)
    return TrialReport(checked.outcome, (*says, *checked.says))


def _seen(path: str, text: str) -> dict[str, Anomaly]:
    with tempfile.TemporaryDirectory(prefix="mandate-patched-") as folder:
        file = Path(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        report = watch(Path(folder), observers=(RUFF, BANDIT), now_s=0.0)
    return {each.fingerprint: each for each in report.anomalies}


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

"""The suggestion engine: suggestions for anomalies, with patches tried, in rank.

1. What is suggested, and in which rank, is decided by ``dsl.rules.review``; here files are read,
   patches made and tried.
2. A file is read only where it is a regular one of the repository, reached through no link.
3. At most ``PATCHES_MAX`` patches are made, for the first in rank, and none for what is beyond
   ``SUGGESTIONS_MAX``, of which nobody hears; who is told so knows why others have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Final

from dsl.limits import SUGGESTIONS_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.remedy import Remedy
from dsl.review.suggestion import Suggestion
from dsl.rules.review.ranking import ranked
from dsl.rules.review.suggesting import suggest_for
from integrations.review.patches.making import diff_of, patched
from integrations.review.patches.trial import NamedChecks, try_patch
from integrations.review.snapshot import FILE_BYTES_MAX, read_within

PATCHES_MAX: Final = 20


def suggestions_for(
    root: Path,
    anomalies: Iterable[Anomaly],
    accepted: Mapping[Remedy, Fraction],
    checks: Sequence[str] = (),
) -> list[Suggestion]:
    """Return what is suggested, the first in rank first.

    ``checks`` is a command of the repository's own; see ``patches.trial`` for who may give one.
    """
    known = {each.fingerprint: each for each in anomalies}
    named = NamedChecks(root, tuple(checks)) if checks else None
    left, made = PATCHES_MAX, []
    for at, each in enumerate(ranked(suggest_for(known.values()), accepted)):
        about = [known[name] for name in each.anomalies]
        is_tried = left and at < SUGGESTIONS_MAX  # (3) nobody hears of the others
        with_patch = _with_patch(root, each, about, named) if is_tried else None
        left -= with_patch is not None
        made.append(with_patch or each)
    return made


def _with_patch(
    root: Path, suggestion: Suggestion, about: Sequence[Anomaly], checks: NamedChecks | None
) -> Suggestion | None:
    path = suggestion.place.path
    before = _source(root, path)
    after = None if before is None else patched(suggestion.remedy, before, about)
    if before is None or after is None:
        return None
    diff = diff_of(path, before, after)
    if diff is None:
        return None
    report = try_patch(path, before, after, about, checks)
    return suggestion.model_copy(
        update={"patch": diff, "trial": report.outcome, "trial_says": report.says}
    )


def _source(root: Path, path: str) -> str | None:
    """Return the text of a Python file of the repository (2)."""
    place = PurePosixPath(path)
    if place.suffix != ".py" or place.is_absolute() or ".." in place.parts:
        return None
    try:
        data = read_within(root, path, FILE_BYTES_MAX)
        return None if data is None else data.decode("utf-8")
    except (OSError, ValueError):
        return None

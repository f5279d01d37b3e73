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
from integrations.review.patches.making import Wanted, diff_of, patches_for
from integrations.review.patches.trial import NamedChecks, PatchDraft, try_patches
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
    suggested = ranked(suggest_for(known.values()), accepted)
    told = suggested[:SUGGESTIONS_MAX]  # (3) nobody hears of the others
    wanted = [_wanted(root, each, known) for each in told]
    made = iter(patches_for([each for each in wanted if each is not None]))
    drafts: dict[str, tuple[PatchDraft, str]] = {}
    for suggestion, each in zip(told, wanted, strict=True):
        after = None if each is None else next(made)
        if each is None or after is None or len(drafts) == PATCHES_MAX:
            continue
        diff = diff_of(each.path, each.source, after)
        if diff is not None:
            draft = PatchDraft(each.path, each.source, after, each.anomalies)
            drafts[suggestion.id] = draft, diff
    reports = try_patches([draft for draft, _ in drafts.values()], named)
    with_patch = {
        name: {"patch": diff, "trial": report.outcome, "trial_says": report.says}
        for (name, (_, diff)), report in zip(drafts.items(), reports, strict=True)
    }
    return [each.model_copy(update=with_patch.get(each.id, {})) for each in suggested]


def _wanted(root: Path, suggestion: Suggestion, known: Mapping[str, Anomaly]) -> Wanted | None:
    source = _source(root, suggestion.place.path)
    if source is None:
        return None
    about = tuple(known[name] for name in suggestion.anomalies)
    return Wanted(suggestion.remedy, suggestion.place.path, source, about)


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

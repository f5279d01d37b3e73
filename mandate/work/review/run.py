"""``mandate review PATH``: watch, judge, suggest, tell.

1. Without a stack: everything happens here, in processes that hold nothing of ours.
2. A suppression that cannot be read is a refusal, not a suppression that is left out.
3. The exit code is 1 only where something new is as bad as ``--fail-on``, or worse. What could not
   be looked at does not fail a review; it is told. A review that does not come about ends with 2,
   whatever the reason: CI must not take it for a finding.
4. Suggestions are made of what is new. Patches are tried in a copy, by what executes nothing; the
   ledger, where one is given, says what became of earlier ones.
5. Looking takes long: whether what was named can be read, and written, is found out before.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dsl.errors import DslError
from dsl.limits import DOCUMENT_BYTES_MAX
from dsl.review.anomaly import Anomaly, AnomalySeverity
from dsl.review.outcome import SuggestionOutcome
from dsl.review.suppression import Suppression
from dsl.rules.review.ranking import acceptance
from dsl.rules.review.severity import worst_first
from dsl.rules.review.verdict import judged
from dsl.shown.surfaces import Terminal
from dsl.suppressions.suppressions import FILE, parse_suppressions
from integrations.agents.programs.program import open_regular
from integrations.errors import IntegrationError
from integrations.review.snapshot import NotReviewableError
from integrations.review.suggester import suggestions_for
from integrations.review.watcher import watch
from integrations.whole_files import whole
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.errors import RefusalError, UsageError
from mandate.stack import environment
from mandate.terminal import complain, say, say_json
from mandate.work.review.baseline import baseline, known_in
from mandate.work.review.learned import recorded
from mandate.work.review.page import page
from mandate.work.review.reviewed import Reviewed
from mandate.work.review.sarif import sarif
from mandate.work.review.suggested import listed, patch_of
from mandate.work.review.summary import summary


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """What was typed."""

    path: Path
    since: str | None = None
    fail_on: AnomalySeverity | None = None
    baseline: Path | None = None
    write_baseline: Path | None = None
    sarif: Path | None = None
    page: Path | None = None
    ledger: Path | None = None
    patch: Path | None = None
    histories: Path | None = None
    runs: int = 0  # of the engine, whose histories are read as well
    data_dir: Path | None = None  # of the stack that they are of
    suggestions: bool = False  # list them
    as_json: bool = False


def run(asked: ReviewRequest) -> int:
    """Review, tell, and return the exit code (3)."""
    try:
        _require_places(asked)
        reviewed = review(asked)
        if asked.page is not None:
            _write(asked.page, "\n".join(page(reviewed)) + "\n")
        if asked.sarif is not None:
            _write(asked.sarif, json.dumps(sarif(reviewed), indent=1) + "\n")
        if asked.patch is not None:
            _write(asked.patch, patch_of(reviewed.suggestions))
        if asked.write_baseline is not None:
            verdict = reviewed.verdict
            known = baseline((*verdict.new, *verdict.known))
            _write(asked.write_baseline, json.dumps(known, indent=1) + "\n")
    except (RefusalError, DslError) as error:
        complain(error, "mandate review")
        return EXIT_USAGE  # (3) no finding
    if asked.as_json:
        say_json(record(reviewed))
    else:
        say(*summary(reviewed, None if asked.page is None else str(asked.page)))
        if asked.suggestions:
            say(Terminal(""), *listed(reviewed.suggestions))
    return EXIT_FAILED if reviewed.verdict.fails(asked.fail_on) else 0


def review(asked: ReviewRequest) -> Reviewed:
    """Look at the repository, and say what becomes of what is found.

    Raises:
        RefusalError: it, or the ledger, cannot be reviewed.
        DslError: its suppressions cannot be read (2).
    """
    began = time.monotonic()
    now = datetime.now(UTC)
    known = frozenset() if asked.baseline is None else known_in(asked.baseline)
    suppressions = _suppressions(asked.path, now)
    accepted = {} if asked.ledger is None else acceptance(_outcomes(asked.ledger))
    seen, notes = _behaviour(asked, int(now.timestamp() * 1_000))  # (5) before the long look
    try:
        report = watch(asked.path, since=asked.since, now_s=now.timestamp())
    except NotReviewableError as error:
        raise UsageError("{}", error) from None
    except OSError as error:
        raise RefusalError("{}: {}", asked.path, error.strerror or error) from None
    if seen or notes:
        found = worst_first((*report.anomalies, *seen))
        report = replace(report, anomalies=tuple(found), notes=(*report.notes, *notes))
    verdict = judged(report.anomalies, known, suppressions, now.date())
    made = tuple(suggestions_for(asked.path.absolute(), verdict.new, accepted))  # (4) of the new
    return Reviewed(str(asked.path), report, verdict, made, time.monotonic() - began)


def _behaviour(asked: ReviewRequest, now_ms: int) -> tuple[Sequence[Anomaly], Sequence[str]]:
    if asked.ledger is None and asked.histories is None and not asked.runs:
        return (), ()
    # Loaded where it is wanted: a review of code needs no client of Temporal.
    from mandate.work.review.behaviour import Witnesses, behaviour_of  # noqa: PLC0415

    witnesses = Witnesses(asked.ledger, asked.histories, asked.runs)
    return behaviour_of(
        witnesses, environment.present(asked.data_dir) if asked.runs else {}, now_ms
    )


def record(reviewed: Reviewed) -> dict[str, Any]:
    """Return the review for a program."""
    verdict, report = reviewed.verdict, reviewed.report
    return {
        "path": reviewed.path,
        "files": report.files,
        "lines": report.lines,
        "took_s": round(reviewed.took_s, 3),
        "new": [each.model_dump(mode="json") for each in verdict.new],
        "known": [each.model_dump(mode="json") for each in verdict.known],
        "suppressed": [
            {"anomaly": each.model_dump(mode="json"), "by": by.model_dump(mode="json")}
            for each, by in verdict.suppressed
        ],
        "suggestions": [
            {**each.model_dump(mode="json"), "auto_fixable": each.is_auto_fixable}
            for each in reviewed.suggestions
        ],
        "notes": list(reviewed.notes),
    }


def _outcomes(ledger: Path) -> list[SuggestionOutcome]:
    try:
        return recorded(ledger)
    except IntegrationError as error:
        raise RefusalError("--ledger {}: {}", ledger, error) from None


def _suppressions(root: Path, now: datetime) -> tuple[Suppression, ...]:
    path = root / FILE
    if not root.is_dir():
        return ()  # the watcher says so
    try:
        with open_regular(path) as file:
            content = file.read(DOCUMENT_BYTES_MAX + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError("{}: cannot be read: {}", path, error.strerror) from None
    return parse_suppressions(content, str(path), today=now.date())


def _require_places(asked: ReviewRequest) -> None:
    """Make sure that what was named can be written (5)."""
    places = {
        "-o": asked.page,
        "--sarif": asked.sarif,
        "--patch": asked.patch,
        "--write-baseline": asked.write_baseline,
    }
    for option, path in places.items():
        if path is None:
            continue
        if path.is_dir():
            raise UsageError("{} {}: is a folder; name a file in it", option, path)
        if not path.parent.is_dir():
            raise UsageError("{} {}: there is no folder {}", option, path, path.parent)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise UsageError("{} {}: {} cannot be written", option, path, path.parent)


def _write(path: Path, text: str) -> None:
    """Write a file whole, or not at all; what was there is replaced."""
    try:
        with whole(path) as file:
            file.write(text)
    except OSError as error:
        raise RefusalError("{} is not written: {}", path, error.strerror) from None

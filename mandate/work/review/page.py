"""``review.md``: the whole review for people; what it quotes of others shows and does nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from dsl.review.anomaly import Anomaly
from dsl.review.kinds import MEANINGS
from dsl.shown.surfaces import Markdown
from mandate.work.review.reviewed import Reviewed, counted

SHOWN_MAX: Final = 2_000  # findings; more are in the JSON
_LINE_MAX: Final = 300


def page(reviewed: Reviewed) -> list[str]:
    """Return the lines of the page."""
    verdict, report = reviewed.verdict, reviewed.report
    size = (report.files, report.lines, reviewed.took_s)
    return [
        "# Review",
        "",
        Markdown.of("Of {}: {} files, {} lines, looked at in {:.1f} s.", reviewed.path, *size),
        Markdown.of(
            "New findings: {}. Known from the baseline: {}. Suppressed: {}.",
            len(verdict.new),
            len(verdict.known),
            len(verdict.suppressed),
        ),
        *_kinds(verdict.new),
        *_findings(verdict.new),
        *_suggestions(reviewed),
        *_suppressed(reviewed),
        *_notes(reviewed.notes),
    ]


def _kinds(anomalies: tuple[Anomaly, ...]) -> Iterable[str]:
    if not anomalies:
        return
    yield from ("", "| kind | findings | is |", "|---|---|---|")
    kinds = Counter(each.kind for each in anomalies)
    for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0])):
        yield f"| {kind.value} | {count} | {MEANINGS[kind]} |"


def _findings(anomalies: tuple[Anomaly, ...]) -> Iterable[str]:
    shown = anomalies[:SHOWN_MAX]
    for severity, count in counted(anomalies):
        yield from ("", f"## {severity.value}: {count}", "")
        for each in shown:
            if each.severity is severity:
                yield from _finding(each)
    if len(anomalies) > len(shown):
        yield from ("", f"{len(anomalies) - len(shown)} more are in the JSON (`--json`).")


def _finding(each: Anomaly) -> Iterable[str]:
    at = f":{each.place.line}" if each.place.line else ""
    place = Markdown.of("{}", f"{each.place.path}{at}")
    symbol = Markdown.of(" in {}", each.place.symbol) if each.place.symbol else ""
    yield Markdown.of("- {} {}{}: {}", each.kind, place, symbol, each.message, limit=_LINE_MAX)
    about = (round(100 * each.confidence), each.tool, each.rule, each.fingerprint)
    yield Markdown.of("  {} % sure, {} {}, fingerprint {}", *about)
    if each.evidence:
        yield Markdown.of("  — {}", each.evidence, limit=_LINE_MAX)


def _suggestions(reviewed: Reviewed) -> Iterable[str]:
    if reviewed.suggestions:
        yield from ("", "## Suggestions, the first in rank first", "")
    for number, each in enumerate(reviewed.suggestions[:SHOWN_MAX], 1):
        place = Markdown.of("{}", f"{each.place.path}:{each.place.line}")
        yield Markdown.of("{}. {} {}: {}", number, each.id, place, each.title, limit=_LINE_MAX)
        takes = (each.impact, each.risk, each.effort, round(100 * each.confidence))
        line = Markdown.of("   impact {}, risk {}, effort {}, {} % sure", *takes)
        fix = Markdown.of("auto-fixable") if each.is_auto_fixable else Markdown.of("by hand")
        yield Markdown.of("{}, {}; patch: {}", line, fix, each.trial)
        for said in each.trial_says:
            yield Markdown.of("   — {}", said, limit=_LINE_MAX)


def _suppressed(reviewed: Reviewed) -> Iterable[str]:
    if reviewed.verdict.suppressed:
        yield from ("", "## Suppressed by the repository", "")
    for anomaly, by in reviewed.verdict.suppressed[:SHOWN_MAX]:
        place = Markdown.of("{}", anomaly.place.path)
        until = by.until.isoformat()
        yield Markdown.of("- {} {}: {} (until {})", anomaly.kind, place, by.reason, until)


def _notes(notes: tuple[str, ...]) -> Iterable[str]:
    if notes:
        yield from ("", "## What was not looked at, and why", "")
    for each in notes:
        yield Markdown.of("- {}", each, limit=_LINE_MAX)

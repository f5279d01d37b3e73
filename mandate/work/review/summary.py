"""A review in five lines, the worst first: what a person reads in a minute.

The first line says how many and of what, the last how to see the rest. Between them stand the two
worst, and what is suggested to be done first. A pipeline that could not be looked at, or not whole,
is none that nothing was found in: the first such note takes the place of the second worst.
"""

from __future__ import annotations

from typing import Final

from dsl.review.anomaly import Anomaly
from dsl.review.suggestion import Suggestion
from dsl.shown.surfaces import Terminal
from integrations.review.observers.pipelines import PIPELINES
from mandate.work.review.reviewed import Reviewed, counted

WORST_SHOWN: Final = 2
_SHOWN_MAX: Final = 160
_NOTE_MAX: Final = 240


def summary(reviewed: Reviewed, page: str | None) -> list[Terminal]:
    """Return the lines; ``page`` is where the whole review was written, if anywhere."""
    new = reviewed.verdict.new
    lines = [_headline(reviewed)]
    unseen = [note for note in reviewed.notes if note.startswith(f"{PIPELINES.name}: ")]
    shown = WORST_SHOWN - 1 if unseen else WORST_SHOWN
    lines += [_line(each) for each in new[:shown]]
    lines += [Terminal.of("  not looked at: {}", each, limit=_NOTE_MAX) for each in unseen[:1]]
    lines += [_first(each) for each in reviewed.suggestions[:1]]
    notes = len(reviewed.notes)
    beside = Terminal.of(", {} on what was not looked at", _count(notes, "note")) if notes else ""
    rest = len(new) - shown
    what = _count(rest, "more finding") if rest > 0 else "the whole of it"
    if reviewed.suggestions:
        fixable = sum(each.is_auto_fixable for each in reviewed.suggestions)
        suggested = _count(len(reviewed.suggestions), "suggestion")
        what = Terminal.of("{}, {}, {} with a patch", what, suggested, fixable)
    if page is not None:
        lines.append(Terminal.of("{}{}: {}", what, beside, page))
    else:
        command = Terminal.command("mandate review {} -o review.md", reviewed.path)
        lines.append(Terminal.of("{}{}: {}", what, beside, command))
    return lines


def _headline(reviewed: Reviewed) -> Terminal:
    verdict, report = reviewed.verdict, reviewed.report
    found = [Terminal.of("{} {}", count, severity) for severity, count in counted(verdict.new)]
    aside = [
        Terminal.of("{} {}", len(which), word)
        for which, word in ((verdict.known, "known"), (verdict.suppressed, "suppressed"))
        if which
    ]
    size = Terminal.of("{}, {:,} lines", _count(report.files, "file"), report.lines)
    words = Terminal.joined(", ", [*(found or [Terminal.of("nothing found")]), *aside])
    return Terminal.of("{}: {} in {}, {:.1f} s", reviewed.path, words, size, reviewed.took_s)


def _line(each: Anomaly) -> Terminal:
    line = Terminal.of(":{}", each.place.line) if each.place.line else Terminal("")
    place = Terminal.of("{}{}", each.place.path, line)
    about = (each.severity, each.kind, place)
    return Terminal.of("  {} {} {}: {}", *about, each.message, limit=_SHOWN_MAX)


def _first(each: Suggestion) -> Terminal:
    takes = Terminal.of("impact {}, risk {}, effort {}", each.impact, each.risk, each.effort)
    fix = Terminal(", with a patch") if each.is_auto_fixable else Terminal("")
    place = Terminal.of("{}:{}", each.place.path, each.place.line)
    return Terminal.of("  first {} ({}{}): {}", place, takes, fix, each.title, limit=_SHOWN_MAX)


def _count(count: int, thing: str) -> Terminal:
    return Terminal.of("{} {}", count, thing if count == 1 else f"{thing}s")

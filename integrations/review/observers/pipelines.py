"""Pipelines in the repository: all that the compiler says, and what will not do though it works.

1. A pipeline is a YAML file that says ``stages``; it is read by the strict loader, which is made
   for documents of strangers.
2. Templates and tool servers of a site are not known here: what is wrong for that reason alone is a
   note, which says that what hangs on it was not looked at.
3. A YAML file that says ``name`` and is broken before it could say ``stages`` may be a pipeline:
   that it cannot be read is a note. Of others, which are YAML, nothing is said.
4. So many pipelines are looked at, and so many of those others: none of both hides the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dsl.compiler import compile_text
from dsl.document.loader import SYNTAX, read
from dsl.errors import DslError, Problem, Severity
from dsl.limits import DOCUMENT_BYTES_MAX
from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.rules.review.plans import Doubt, doubts_about
from integrations.review.lines import lines_of
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene
from integrations.review.snapshot import Snapshot

PIPELINES_MAX: Final = 500
TOOL: Final = "mandate"
_MANY: Final = f"more than {PIPELINES_MAX}"
_UNREAD: Final = "whether the rest is broken was not looked at"
_OF_SITES: Final = frozenset({"DSL306", "DSL338"})  # (2) unknown template; tool that nobody pinned
_STAGES: Final = re.compile(rb"^(?:\xef\xbb\xbf)?stages:[ \t]*([#\[].*)?\r?$", re.MULTILINE)
_NAME: Final = re.compile(rb"^(?:\xef\xbb\xbf)?name:", re.MULTILINE)


def has_pipelines(snapshot: Snapshot) -> bool:
    """Tell whether there is a pipeline in it, or what may be one (3)."""
    named = _named(snapshot, snapshot.others)
    return any(_STAGES.search(data) or _broken(path, data) for path, data in named)


def _observe(scene: Scene, seen: Observation) -> None:
    snapshot = scene.snapshot
    looked_at = [path for path in snapshot.others if snapshot.is_looked_at(path)]
    others = 0
    for path, data in _named(snapshot, looked_at):
        if _STAGES.search(data):
            if len(seen.besides) == PIPELINES_MAX:
                seen.notes.append(f"pipelines: {_MANY}: the rest was not looked at")
                return
            seen.besides[path] = len(data.splitlines())
            _look(path, data, seen)
            continue
        others += 1
        if others > PIPELINES_MAX:  # (4) a pipeline may come behind them
            if others == PIPELINES_MAX + 1:
                seen.notes.append(f"pipelines: {_MANY} that only say name: {_UNREAD}")
            continue
        broken = _broken(path, data)
        if broken is not None:  # (3) it may be one
            why = f"{broken.message}, line {broken.at.line}"
            seen.notes.append(f"pipelines: {path}: not read, and it may be one: {why}")


def _named(snapshot: Snapshot, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path.endswith((".yaml", ".yml")):
            data = snapshot.read(path, DOCUMENT_BYTES_MAX)
            if data is not None and _NAME.search(data):
                yield path, data


def _broken(path: str, data: bytes) -> Problem | None:
    """Return why a file is no YAML; None where it is, whatever else is wrong with it."""
    try:
        read(data, path)
    except DslError as error:
        return next((each for each in error.problems if each.code == SYNTAX), None)
    return None


def _look(path: str, data: bytes, seen: Observation) -> None:
    try:
        compiled = compile_text(data, path)
    except DslError as error:
        of_site = [each for each in error.problems if each.code in _OF_SITES]
        if of_site:
            seen.notes.append(f"pipelines: {path}: {_unknown(of_site)}")
        ours = [each for each in error.problems if each.code not in _OF_SITES]
        seen.sightings += [_problem(path, each) for each in ours]
        return
    seen.sightings += [_problem(path, each) for each in compiled.warnings]
    text = data.decode("utf-8", "replace")
    seen.sightings += [_doubt(path, text, each) for each in doubts_about(compiled.plan)]


def _unknown(problems: Sequence[Problem]) -> str:
    """Say what a site may have that is not known here (2)."""
    said = list(dict.fromkeys(each.message for each in problems))
    more = f" and {len(said) - 1} more" if said[1:] else ""
    return f"{said[0]}{more}, which a site may have; what hangs on it was not looked at"


def _problem(path: str, problem: Problem) -> Sighting:
    is_error = problem.severity is Severity.ERROR
    return Sighting(
        kind=AnomalyKind.PIPELINE_PROBLEM,
        severity=AnomalySeverity.HIGH if is_error else AnomalySeverity.MEDIUM,
        confidence=0.95,
        path=path,
        line=problem.at.line,
        message=problem.message,
        evidence=problem.hint,
        tool=TOOL,
        rule=problem.code,
    )


def _doubt(path: str, text: str, doubt: Doubt) -> Sighting:
    return Sighting(
        kind=doubt.kind,
        severity=doubt.severity,
        confidence=0.85,
        path=path,
        line=_line_of(text, doubt.path.rpartition("/")[2]),
        message=f"stage {doubt.path} {doubt.message}",
        tool=TOOL,
        rule=doubt.rule,
        symbol=doubt.path,
    )


def _line_of(text: str, name: str) -> int:
    pattern = re.compile(rf"\bname:\s*[\"']?{re.escape(name)}\b")
    for number, line in enumerate(lines_of(text), 1):
        if pattern.search(line):
            return number
    return 0


PIPELINES: Final = Observer("pipelines", _observe, is_of_python=False)

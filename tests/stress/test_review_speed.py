"""What a review costs: of 20,000 lines, and of ten files of them that have changed.

Held is CPU time, which a busy machine adds nothing to; on an idle one it is more than what passes.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import rich

from integrations.review.suggester import suggestions_for
from integrations.review.watcher import WatcherReport
from tests.integration.review.repositories import committed, seen_by, written

LINES, WHOLE_S, CHANGED_S = 20_000, 60.0, 10.0
pytestmark = pytest.mark.stress


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of so many lines, that goes by mypy and has a history."""
    root = tmp_path_factory.mktemp("speed")
    source, lines = Path(rich.__file__).parent, 0
    for path in sorted(source.rglob("*.py"), key=lambda each: each.stat().st_size, reverse=True):
        if lines < LINES and path.name != "__init__.py":
            text = path.read_text()
            written(root, {f"rich/{path.relative_to(source)}": text})
            lines += text.count("\n")
    written(
        root, {"rich/__init__.py": "", "mypy.ini": "[mypy]\n", "requirements.txt": "pygments\n"}
    )
    committed(root)
    return root


def suggested_for(root: Path, since: str | None = None) -> WatcherReport:
    """Look, and try what is suggested."""
    report = seen_by(root, since=since)
    suggestions_for(root, report.anomalies, {})
    return report


def cost(review: Callable[[], WatcherReport]) -> tuple[WatcherReport, float]:
    def spent() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in both)

    before = spent()
    report = review()
    return report, spent() - before


def test_twenty_thousand_lines(root):
    report, seconds = cost(lambda: suggested_for(root))
    print(f"{report.lines} lines: {seconds:.1f} s of CPU")

    assert report.lines >= LINES
    assert seconds < WHOLE_S


def test_ten_files_that_have_changed(root):
    changed = sorted((root / "rich").glob("[a-z]*.py"))[:10]
    for path in changed:
        path.write_text(path.read_text() + "\n\nlater = 1\n")

    report, seconds = cost(lambda: suggested_for(root, since="HEAD"))
    print(f"{report.files} files: {seconds:.1f} s of CPU")

    assert report.files == 10
    assert seconds < CHANGED_S

"""What a run has taken from the one that it resumes, stage by stage, and why it has not."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.shown.surfaces import Terminal
from mandate.people.accounts import ResumedRun


def resumed(earlier: ResumedRun | None, most: int | None) -> Iterator[Terminal]:
    """Yield which run was resumed, and of each stage why it was or was not reused."""
    if earlier is None:
        return
    yield Terminal.of("resumes  {}, run {}", earlier.workflow, earlier.run)
    if earlier.untold:
        yield Terminal.of("         not compared with its history: {}", earlier.untold)
    stages = list(earlier.stages.items())
    for path, row in stages[:most]:
        if row.reused:
            yield Terminal.of("reused   {}: entry {}", path, row.entry)
        else:
            yield Terminal.of("again    {}: {}", path, row.why)
    if most is not None and len(stages) > most:
        yield Terminal.of("and {} more stages: --all shows them", len(stages) - most)

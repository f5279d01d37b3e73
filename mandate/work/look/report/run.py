"""``mandate report``: gather, draw, and write one file that is made for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dsl.shown.surfaces import Terminal
from mandate.people.door import enter, temporal
from mandate.stack import environment
from mandate.terminal import note, say
from mandate.work.look.new_files import named_after, refuse_old, write_new
from mandate.work.look.report.gathering import gathered
from mandate.work.look.report.page import report_page


def run(workflow: str, out: Path | None, *, data_dir: Path | None) -> int:
    """Write the report of a run into a new file; return the exit code."""
    return enter("report", _run(workflow, out, environment.present(data_dir)))


async def _run(workflow: str, out: Path | None, env: Mapping[str, str]) -> int:
    target = out or named_after(workflow, "report.html")
    refuse_old(target)  # before anything is asked for
    found = await gathered(await temporal(env), workflow, env)
    page = report_page(found)
    write_new(target, [page])
    say(Terminal.of("{}: {:,} bytes, to be opened in any browser", target, len(page.encode())))
    note(*(Terminal.of("left out: {}", each) for each in found.missing))
    return 0

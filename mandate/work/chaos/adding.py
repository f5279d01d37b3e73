"""``mandate chaos table``: the table of several journals, as if they were of one search.

1. Journals of more than one commit are told as such: what was mended between is not in all of them.
2. An experiment that stands in two of them is counted once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.terminal import complain, say
from mandate.work.chaos.journal import Journal, JournalError, read
from mandate.work.chaos.page import write_page
from mandate.work.chaos.run import COMMAND, exit_code, refuse_unwritable
from mandate.work.chaos.table import markdown, rows_of, summary, write_table


def run(files: Sequence[Path], *, table: Path | None, page: Path | None) -> int:
    """Add them up, and write what is wanted; return the exit code."""
    try:
        refuse_unwritable(table, page)
        found = [read(each) for each in files]
    except (UsageError, JournalError) as error:
        complain(error, COMMAND)
        return EXIT_USAGE
    journals = _once(each for some, _ in found for each in some)
    facts = _facts(told for _, told in found)
    say(*rows_of(journals), Terminal(), Terminal.of("{}", summary(journals, facts)))
    if table is not None:
        write_table(table, markdown(journals, facts))
    if page is not None:
        write_page(page, journals, facts)
    return exit_code(journals, is_complete=bool(journals))


def _once(journals: Iterable[Journal]) -> list[Journal]:
    """Return each once (2)."""
    return list({(each.experiment, each.seed, each.began_ms): each for each in journals}.values())


def _facts(told: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return seeds and commits, each once (1)."""
    said = list(told)
    found = {
        name: list(dict.fromkeys(str(each.get(name, "unknown")) for each in said))
        for name in ("seed", "commit")
    }
    return {
        name if len(values) == 1 else f"{name}s": " ".join(values) for name, values in found.items()
    }

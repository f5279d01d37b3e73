"""``mandate chaos search``: experiments drawn by a seed, until there were enough or time is up.

1. A failure is shrunk: faults are left out and runs made fewer for as long as it still fails, and
   there is time. What is left is written to a file, and the line is said that makes it again.
2. A stack that does not come back to its steady state has failed; the search goes on with
   another. Nothing is shrunk on such a stack: whatever is tried there fails. Where it was not
   steady before, the experiment was not made, and no file is written of it.
3. What the judge could not look at is told, and is no failure of governance: there is nothing to
   shrink, and the search goes on. The exit code says so where nothing has failed.
4. What the search has done is told whatever ends it, Ctrl-C as well; its journal is there after
   each experiment.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from dsl.chaos.experiment import Experiment
from dsl.limits import CHAOS_SEARCH_MAX
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.terminal import complain, say
from mandate.work.chaos.conduct import Conduct
from mandate.work.chaos.draw import as_yaml, experiments, with_runs, without
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.ground.injection import BUILT
from mandate.work.chaos.journal import Journal, write
from mandate.work.chaos.page import write_page
from mandate.work.chaos.run import COMMAND, exit_code, on_arena, refuse_unwritable
from mandate.work.chaos.table import markdown, rows_of, told, write_table

SHRINKS_MAX: Final = 8  # tries to make a failure smaller
FAILURES_MAX: Final = 5  # then it is enough


@dataclass
class Search:
    """What is searched, and what came of it so far."""

    seed: int
    runs: int
    minutes: float
    into: Path
    files: dict[str, Path | None] = field(default_factory=dict)  # journal, page, table
    journals: list[Journal] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    commit: str = ""
    skip: int = 0  # of the experiments that are drawn
    began: float = field(default_factory=time.monotonic)

    @property
    def is_late(self) -> bool:
        """Tell whether its time is over."""
        return time.monotonic() - self.began > self.minutes * 60

    @property
    def is_enough(self) -> bool:
        """Tell whether nothing more is to be tried."""
        enough = self.done >= self.runs or len(self.failures) >= FAILURES_MAX
        return enough or self.is_late

    @property
    def done(self) -> int:
        """How many runs were made."""
        return sum(len(each.runs) for each in self.journals)

    def facts(self) -> dict[str, Any]:
        """Return what is to be known of the whole."""
        return {"seed": self.seed, "commit": self.commit}

    def keep(self) -> None:
        """Write the journal, where one is wanted (4)."""
        file = self.files.get("journal")
        if file is not None:
            write(file, self.journals, self.facts())


def run(search: Search) -> int:
    """Search; return 0 when nothing was found."""
    try:
        refuse_unwritable(*search.files.values(), folder=search.into)
    except UsageError as error:
        complain(error, COMMAND)
        return EXIT_USAGE
    drawn = islice(experiments(search.seed, BUILT), search.skip, None)
    code = 0
    try:
        while not search.is_enough and code == 0:
            code = on_arena(lambda arena: _search(arena, search, drawn), search.seed)
    finally:
        _tell(search)  # (4) whatever ends it
    return code or exit_code(search.journals, is_complete=not search.failures)


async def _search(
    arena: ChaosArena, search: Search, drawn: Iterator[tuple[Experiment, int]]
) -> int:
    search.commit = arena.commit
    while not search.is_enough:
        experiment, seed = next(drawn)
        journal = await _made(arena, experiment, seed, len(search.journals))
        search.journals.append(journal)
        search.keep()
        faults = ", ".join(step.fault.value for step in experiment.method)
        word = _word(journal)
        took = (journal.ended_ms - journal.began_ms) / 1000
        say(Terminal.of("{:>5}  {:<8} {:>5.1f} s  {}", search.done, word, took, faults))
        if journal.is_well:
            continue
        say(*told(journal))
        if not journal.was_steady:  # (2) it was not made
            search.failures.append(f"{experiment.name}: not made, the stack was not steady")
            return 0
        if not journal.has_failed:  # (3) nothing to shrink
            continue
        smallest, is_steady = experiment, journal.is_steady
        if is_steady:
            make = partial(_tried, arena, seed)
            smallest, is_steady = await shrunk(experiment, make, lambda: search.is_late)
        _report(search, smallest, seed)
        if not is_steady:  # (2) on with another stack
            return 0
    return 0


async def _made(arena: ChaosArena, experiment: Experiment, seed: int, number: int) -> Journal:
    return await Conduct(arena, experiment, seed, f"{experiment.name}-{number}").conduct()


async def _tried(arena: ChaosArena, seed: int, experiment: Experiment, number: int) -> Journal:
    return await _made(arena, experiment, seed, CHAOS_SEARCH_MAX + number + int(time.time()))


async def shrunk(
    experiment: Experiment,
    make: Callable[[Experiment, int], Awaitable[Journal]],
    is_late: Callable[[], bool],
) -> tuple[Experiment, bool]:
    """Return the smallest of it that still fails (1), and whether the stack is steady (2)."""
    tries, smallest = 0, experiment
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(smallest):
            if tries >= SHRINKS_MAX or is_late():
                return smallest, True
            tries += 1
            journal = await make(candidate, tries)
            if not journal.is_steady:  # (2) it may fail for that alone
                return smallest, False
            if journal.has_failed:
                smallest, is_smaller = candidate, True
                break
    return smallest, True


def _smaller(experiment: Experiment) -> Iterator[Experiment]:
    if len(experiment.method) > 1:
        for number in range(len(experiment.method)):
            yield without(experiment, number)
    if experiment.runs > 1:
        yield with_runs(experiment, 1)
        yield with_runs(experiment, experiment.runs // 2)


def _word(journal: Journal) -> str:
    if journal.is_well:
        return "held"
    if not journal.has_failed:
        return "UNJUDGED"
    return "FAILED" if journal.is_steady else "UNSTEADY"


def _report(search: Search, experiment: Experiment, seed: int) -> None:
    search.into.mkdir(parents=True, exist_ok=True)
    file = search.into / f"{experiment.name}.yaml"
    again = experiment.model_copy(update={"seed": seed})
    file.write_text(as_yaml(again), encoding="utf-8")
    search.failures.append(str(file))
    line = Terminal.command("mandate chaos run {}", str(file))
    say(Terminal.of("to make it again: {}", line, limit=1_000))


def _tell(search: Search) -> None:
    say(Terminal(), *rows_of(search.journals))
    violations = sum(len(each.violations) for each in search.journals)
    facts = (search.done, len(search.journals), violations, search.seed, search.commit)
    say(Terminal.of("{} runs in {} experiments, {} violations, seed {}, commit {}", *facts))
    search.keep()
    page, table = search.files.get("page"), search.files.get("table")
    if page is not None:
        write_page(page, search.journals, search.facts())
    if table is not None:
        write_table(table, markdown(search.journals, search.facts()))

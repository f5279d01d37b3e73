"""``mandate chaos run``: one experiment from a file, on a stack of its own.

1. The file is read, and refused with every mistake in it, before anything is started; so is a place
   where nothing can be written.
2. Ctrl-C undoes everything and ends the stack; the exit code is 130 then. A second one changes
   nothing: undoing is not cut short.
3. The exit code is 0 only when no oracle spoke, what has to hold held before and after, every
   fault that was to happen did, and the objective was reached wherever the faults allow that. It
   is ``EXIT_UNJUDGED`` where all of that is so but for a judge that could not look.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dsl.chaos.experiment import Experiment
from dsl.chaos.reading import load_experiment
from dsl.errors import DslError
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.stack.errors import StackError
from mandate.terminal import complain, note, say
from mandate.work.chaos.conduct import Conduct, is_all_fired
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.journal import Journal, write
from mandate.work.chaos.page import write_page
from mandate.work.chaos.table import rows_of, told

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMMAND: Final = "mandate chaos"
EXIT_UNJUDGED: Final = 3
Work = Callable[[ChaosArena], Awaitable[int]]


def run(path: Path, given: int | None, *, journal: Path | None, page: Path | None) -> int:
    """Make the experiment; return the exit code (3)."""
    try:
        experiment = load_experiment(path)
        refuse_unwritable(journal, page)
    except DslError as error:  # (1) before anything is started
        complain(error)
        return EXIT_USAGE
    except UsageError as error:
        complain(error, COMMAND)
        return EXIT_USAGE
    seed = experiment.seed if given is None else given
    return on_arena(lambda arena: _conduct(arena, experiment, seed, journal, page), seed)


def refuse_unwritable(*files: Path | None, folder: Path | None = None) -> None:
    """Refuse places where nothing can be written; ``folder`` may have to be made (1).

    Raises:
        UsageError: one of them is such a place.
    """
    for file in filter(None, files):
        with _readable(file):
            if file.is_dir():
                raise UsageError("{} is a folder: name a file", file)
            if not file.exists():
                _require_folder(file.parent, file)
            elif not os.access(file, os.W_OK):
                raise UsageError("{} may not be written to: name another file", file)
    if folder is not None:
        with _readable(folder):
            ways = (folder, *folder.absolute().parents)
            _require_folder(next(each for each in ways if each.exists()), folder)


def _require_folder(there: Path, wanted: Path) -> None:
    if not there.exists():
        raise UsageError("{} cannot be written: make the folder {} first", wanted, there)
    if not there.is_dir():
        raise UsageError("{} cannot be written: {} is no folder", wanted, there)
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError("{} cannot be written: nothing may be made in {}", wanted, there)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError("{}: {}", path, error.strerror or error) from None


def on_arena(work: Work, seed: int) -> int:
    """Do ``work`` on a stack that is there for it; return the exit code."""
    return asyncio.run(_until_signalled(work, seed))


async def _until_signalled(work: Work, seed: int) -> int:
    doing = asyncio.create_task(_do(work, seed))
    asked = asyncio.Event()

    def stop() -> None:
        if not asked.is_set():  # (2) undoing is not cut short
            asked.set()
            note(Terminal("undoing everything ..."))
            doing.cancel()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await doing
    except asyncio.CancelledError:
        note(Terminal("everything is undone, and the stack is down"))
        return EXIT_INTERRUPTED
    except StackError as error:
        complain(error, COMMAND)
        return error.exit_code


async def _do(work: Work, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="mandate-chaos-", ignore_cleanup_errors=True) as folder:
        note(Terminal("starting a stack for it: Temporal, OpenBao, Valkey and the workers ..."))
        async with ChaosArena(Path(folder), seed=seed) as arena:
            for missing in arena.missing:
                note(Terminal.of("missing: {}", missing))
            return await work(arena)


async def _conduct(
    arena: ChaosArena, experiment: Experiment, seed: int, file: Path | None, page: Path | None
) -> int:
    journal = await Conduct(arena, experiment, seed, f"{experiment.name}-{seed}").conduct()
    say(*rows_of([journal]), *told(journal))
    facts = {"seed": seed, "commit": arena.commit}
    if file is not None:
        write(file, [journal], facts)
    if page is not None:
        write_page(page, [journal], facts)
    return outcome(journal)


def outcome(journal: Journal) -> int:
    """Return the exit code of one experiment (3)."""
    return exit_code([journal], is_complete=is_all_fired(journal.faults))


def exit_code(journals: Sequence[Journal], *, is_complete: bool) -> int:
    """Return the exit code of what was made, and made whole or not (3)."""
    if not is_complete or any(each.has_failed for each in journals):
        return EXIT_FAILED
    return EXIT_UNJUDGED if any(each.unjudged for each in journals) else 0

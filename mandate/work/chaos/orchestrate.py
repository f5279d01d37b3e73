"""Several agents and one objective, while things break: what ``orchestrator.py`` does.

1. A stack is started, the agents share the objective as pipelines on Temporal, and what the
   experiment says strikes them.
2. It tells what each agent put out by maturity, which plans were clarified because an error
   budget was spent, what the oracles say, and whether the objective was reached.
3. The exit code is 0 only when every run reached the objective and no oracle spoke.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dsl.chaos.reading import load_experiment
from dsl.errors import DslError
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.terminal import complain, say
from mandate.work.chaos.conduct import Conduct
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.journal import Journal
from mandate.work.chaos.page import write_page
from mandate.work.chaos.run import COMMAND, on_arena, outcome, refuse_unwritable
from mandate.work.chaos.table import rows_of, told

USAGE = "usage: orchestrator.py [SEED [PAGE.html]]"


def run(experiment: Path, arguments: Sequence[str]) -> int:
    """Make it; return the exit code (3)."""
    try:
        seed = int(arguments[0]) if arguments else 0
        page = Path(arguments[1]) if len(arguments) > 1 else None
        read = load_experiment(experiment)
        refuse_unwritable(page)
    except DslError as error:
        complain(error)
        return EXIT_USAGE
    except UsageError as error:
        complain(error, COMMAND)
        return EXIT_USAGE
    except ValueError:
        say(Terminal.of("{}", USAGE))
        return EXIT_USAGE

    async def work(arena: ChaosArena) -> int:
        journal = await Conduct(arena, read, seed, f"{read.name}-{seed}").conduct()
        say(*_told(journal))
        if page is not None:
            write_page(page, [journal], {"seed": seed, "commit": arena.commit})
        reached = all(each.objective for each in journal.runs)
        return outcome(journal) if reached else EXIT_FAILED

    return on_arena(work, seed)


def _told(journal: Journal) -> Iterator[Terminal]:
    yield from rows_of([journal])
    yield Terminal()
    yield from told(journal)
    reached = sum(each.objective for each in journal.runs)
    clarified = sum(each.clarified for each in journal.runs)
    yield Terminal.of(
        "{} of {} runs reached the objective; {} plans were clarified; {} violations",
        *(reached, len(journal.runs), clarified, len(journal.violations)),
    )

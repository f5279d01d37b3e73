"""A failure is shrunk for as long as it fails by itself, the stack is steady, and there is time."""

from __future__ import annotations

from dsl.chaos.experiment import Experiment
from dsl.chaos.reading import parse_experiment
from mandate.work.chaos.journal import Journal
from mandate.work.chaos.search import SHRINKS_MAX, Search, shrunk

THREE = parse_experiment(
    """\
name: three
runs: 4
method:
  - {fault: worker-death, when: {phase: EXECUTE}}
  - {fault: ledger-death, when: {phase: EXECUTE}}
  - {fault: state-loss, when: {phase: EXECUTE}}
""",
    "three",
)
WELL = Journal("three", 1, "c", 1_000, 2_000)
FAILED = Journal("three", 1, "c", 1_000, 2_000, violations=["leases: expected none"])
UNSTEADY = Journal("three", 1, "c", 1_000, 2_000, steady_after={"quiet": "left: a process"})
NOT_MADE = Journal("three", 1, "c", 1_000, 2_000, steady_before={"quiet": "left: a process"})


class Tries:
    """What was tried, answered in this order; the last again and again."""

    def __init__(self, *answers: Journal) -> None:
        self.answers = [*answers]
        self.made: list[Experiment] = []

    async def make(self, experiment: Experiment, _number: int) -> Journal:
        self.made.append(experiment)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def faults(experiment: Experiment) -> list[str]:
    return [step.fault.value for step in experiment.method]


async def test_what_still_fails_with_less_is_what_is_left():
    tries = Tries(WELL, FAILED, FAILED, WELL)
    smallest, is_steady = await shrunk(THREE, tries.make, lambda: False)

    assert (faults(smallest), smallest.runs, is_steady) == (["state-loss"], 4, True)


async def test_no_more_than_so_many_are_tried():
    tries = Tries(WELL)
    assert await shrunk(THREE, tries.make, lambda: False) == (THREE, True)
    assert len(tries.made) == 5

    tries = Tries(FAILED)
    await shrunk(THREE.model_copy(update={"runs": 50}), tries.make, lambda: False)
    assert len(tries.made) <= SHRINKS_MAX


async def test_on_a_stack_that_is_not_steady_nothing_is_shrunk_further():
    for unsteady in (UNSTEADY, NOT_MADE):
        tries = Tries(FAILED, unsteady)
        smallest, is_steady = await shrunk(THREE, tries.make, lambda: False)

        assert (len(smallest.method), is_steady, len(tries.made)) == (2, False, 2)


async def test_shrinking_keeps_to_the_time_of_the_search():
    tries = Tries(FAILED)
    assert await shrunk(THREE, tries.make, lambda: len(tries.made) > 0) != (THREE, True)
    assert len(tries.made) == 1


def test_a_search_is_over_when_its_time_is(tmp_path):
    assert Search(1, 10, 0, tmp_path, began=0).is_enough
    assert not Search(1, 10, 10, tmp_path).is_enough


def test_a_stack_that_is_not_steady_is_told_apart_from_one_that_failed():
    told = [(each.was_steady, each.is_steady, each.is_well) for each in (WELL, FAILED)]
    assert told == [(True, True, True), (True, True, False)]
    assert (UNSTEADY.was_steady, UNSTEADY.is_steady) == (True, False)
    assert (NOT_MADE.was_steady, NOT_MADE.is_steady) == (False, False)

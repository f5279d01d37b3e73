"""What is drawn: every fault gets its turn, and the same again for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from dsl.chaos.catalogue import FAULTS
from dsl.chaos.reading import parse_experiment
from dsl.core import AGENT_PHASES_ORDERED, ChaosCondition
from mandate.work.chaos.draw import as_yaml, experiments, with_runs, without
from mandate.work.chaos.ground.injection import BUILT
from mandate.work.chaos.plan import planned

DECK = 47  # cards: every fault with each worker, and six deaths of one of them


def drawn(seed: int, count: int = DECK):
    return list(islice(experiments(seed, BUILT), count))


def test_every_fault_of_the_catalogue_can_be_done():
    assert frozenset(FAULTS) == BUILT


def test_the_same_seed_draws_the_same_and_another_does_not():
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_every_fault_gets_its_turn_and_a_worker_dies_more_often():
    faults = Counter(step.fault for experiment, _ in drawn(1) for step in experiment.method)

    assert set(faults) == set(BUILT)
    assert faults[ChaosCondition.WORKER_DEATH] >= 7


def test_after_a_deck_every_fault_has_had_ten_runs_and_a_worker_died_as_often_in_each_phase():
    for at in range(20):
        fired: Counter[str] = Counter()
        kills: Counter[str] = Counter()
        targets = set()
        for experiment, seed in drawn(at):
            for step in planned(experiment, seed):
                fired[step.fault] += experiment.runs
                targets.add((step.fault, step.target))
                if (step.fault, step.target) == (ChaosCondition.WORKER_DEATH, "worker"):
                    kills.update(place.partition("/")[2] for place in step.places)

        assert min(fired[fault] for fault in BUILT) >= 10
        assert min(kills[phase.value] for phase in AGENT_PHASES_ORDERED) >= 10
        assert {target for fault, target in targets if fault is ChaosCondition.WORKER_PAUSE} == {
            *FAULTS[ChaosCondition.WORKER_PAUSE].targets
        }


def test_what_is_drawn_is_made_again_from_its_file():
    for experiment, seed in drawn(2):
        read = parse_experiment(as_yaml(experiment), "again.yaml")

        assert planned(read, seed) == planned(experiment, seed)
        assert read == experiment


def test_a_failure_is_made_smaller_by_faults_and_by_runs():
    experiment = next(each for each, _ in drawn(1, 200) if len(each.method) > 1)

    assert [step.fault for step in without(experiment, 0).method] == [experiment.method[1].fault]
    assert with_runs(experiment, 1).runs == 1

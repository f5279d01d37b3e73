"""The search as the suite makes it: some experiments by fixed seeds, and those that once failed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from dsl.chaos.experiment import Experiment
from dsl.chaos.reading import load_experiment
from mandate.work.chaos.conduct import Conduct
from mandate.work.chaos.draw import experiments, with_runs
from mandate.work.chaos.ground.injection import BUILT
from mandate.work.chaos.run import outcome
from tests.e2e.chaos.test_experiments import story
from tests.fixtures.search import FACTOR, SEED

SEEDS = (59, 23)  # of searches, whose first experiments are made: a revocation, an engine's death
RUNS = 4
FAILED_ONCE = sorted(Path(__file__).with_name("seeds").glob("*.yaml"))


async def holds(arena, experiment: Experiment, seed: int, name: str) -> None:
    journal = await Conduct(arena, with_runs(experiment, RUNS), seed, name).conduct()

    assert outcome(journal) == 0, story(journal)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_governance_holds_in_what_is_drawn(arena, seed: int):
    [(experiment, own)] = islice(experiments(seed, BUILT), 1)

    await holds(arena, experiment, own, experiment.name)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("file", FAILED_ONCE, ids=lambda file: file.stem)
async def test_governance_holds_where_it_once_did_not(arena, file: Path):
    experiment = load_experiment(file)

    await holds(arena, experiment, experiment.seed, file.stem)


@pytest.mark.stress
@pytest.mark.timeout(3_600)
async def test_governance_holds_in_as_many_as_there_is_time_for(arena):
    for experiment, own in islice(experiments(SEED, BUILT), FACTOR):
        journal = await Conduct(arena, experiment, own, experiment.name).conduct()
        assert outcome(journal) == 0, story(journal)

"""What the seed decides: the same seed plans the same, another something else."""

from __future__ import annotations

from dsl.chaos.reading import parse_experiment
from dsl.core import AGENT_PHASES_ORDERED
from mandate.work.chaos.plan import planned

EXPERIMENT = parse_experiment(
    """\
name: storm
runs: 24
method:
  - {fault: worker-death, when: {phase: each, within: 3s}, probability: 0.5}
  - {fault: store-slow, when: {time: 1s, within: 9s}, for: 3s}
  - {fault: agent-crash, target: typescript, when: {phase: EXECUTE}}
""",
    "storm.yaml",
)


def test_the_same_seed_plans_the_same_faults_in_the_same_order():
    assert planned(EXPERIMENT, 7) == planned(EXPERIMENT, 7)
    assert len({str(planned(EXPERIMENT, seed)) for seed in range(20)}) > 15


def test_every_agent_is_struck_in_every_phase_where_each_run_takes_another():
    death, slow, crash = planned(EXPERIMENT, 1)

    phases = {place.partition("/")[2] for place in death.places}
    assert phases == {phase.value for phase in AGENT_PHASES_ORDERED}
    assert len(set(death.places)) == 24
    assert all("/" not in place for place in slow.places)
    assert set(crash.places) == {"typescript/EXECUTE"}


def test_how_likely_a_fault_is_decides_how_often_it_happens():
    happened = [planned(EXPERIMENT, seed)[0].happens for seed in range(200)]

    assert 70 < sum(happened) < 130
    assert all(planned(EXPERIMENT, seed)[1].happens for seed in range(50))

"""What the seed decides: the same seed plans the same, another something else."""

from __future__ import annotations

from dsl.chaos.catalogue import AGENTS
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
    assert len(set(death.places)) == 16  # none behind the gate: another is struck after it
    assert all("/" not in place for place in slow.places)
    assert set(crash.places) == {"typescript/EXECUTE"}


def test_how_likely_a_fault_is_decides_how_often_it_happens():
    happened = [planned(EXPERIMENT, seed)[0].happens for seed in range(200)]

    assert 70 < sum(happened) < 130
    assert all(planned(EXPERIMENT, seed)[1].happens for seed in range(50))


TWICE = """\
name: twice
runs: 24
method:
  - {{fault: {first}, when: {{phase: {phase}}}}}
  - {{fault: worker-death, when: {{phase: each}}}}
"""


def test_a_run_that_is_held_twice_is_held_in_the_second_place_after_the_first():
    order = [phase.value for phase in AGENT_PHASES_ORDERED]
    for first, phase in (("state-loss", "each"), ("agent-crash", "EXECUTE")):
        experiment = parse_experiment(TWICE.format(first=first, phase=phase), "twice.yaml")
        for seed in range(20):
            one, other = planned(experiment, seed)
            for before, after in zip(one.places, other.places, strict=True):
                (agent, held), (same, then) = before.split("/"), after.split("/")
                assert agent == same
                assert order.index(held) <= order.index(then)


def test_nobody_is_held_behind_the_gate_while_another_is_held_before_it():
    text = TWICE.format(first="clock-skew", phase="EXECUTE").replace(
        "fault: worker-death, ", "fault: lock-loss, target: typescript, "
    )
    for seed in range(20):
        one, _ = planned(parse_experiment(text, "twice.yaml"), seed)
        assert {place.partition("/")[0] for place in one.places} == {"python", "typescript"}


def test_every_run_has_another_agent_struck_unless_one_is_named():
    experiment = parse_experiment(TWICE.format(first="agent-crash", phase="EXECUTE"), "turns.yaml")
    crash, _ = planned(experiment, 3)

    assert crash.target == "each"
    assert {place.partition("/")[0] for place in crash.places} == {*AGENTS}

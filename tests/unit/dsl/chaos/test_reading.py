"""Experiments: every mistake is told where it stands, before anything is started."""

from __future__ import annotations

import pytest

from dsl.chaos.catalogue import FAULTS
from dsl.chaos.reading import load_experiment, parse_experiment, target_of
from dsl.core import ChaosCondition
from dsl.errors import DslError

GOOD = """\
name: worker-killed
runs: 8
steady_state: [ledger-verifies]
method:
  - fault: worker-death
    when: {phase: each}
  - {fault: store-slow, when: {time: 1s, within: 2s}, for: 3s, probability: 0.5}
blast_radius: {runs: 8, targets: [worker, dragonfly]}
abort: {run_limit: 30s, after: 2m}
rollback: at-end
"""


def refused(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(DslError) as caught:
        parse_experiment(text, "x.yaml")
    return [(each.code, each.at.line, each.at.column) for each in caught.value.problems]


def step(**fields: str) -> str:
    said = "\n".join(f"    {name}: {value}" for name, value in fields.items())
    return f"name: x\nmethod:\n  -\n{said}\n"


def test_of_many_choices_some_are_named_whole_and_the_nearest_is_hinted_at():
    with pytest.raises(DslError) as caught:
        parse_experiment(GOOD.replace("fault: worker-death", "fault: worker-deth"), "x.yaml")

    said = str(caught.value)
    assert f"expected one of {len(ChaosCondition)}, agent-crash or " in said
    assert " or …, got 'worker-deth' [DSL205]" in said
    assert "did you mean 'worker-death'?" in said


def test_an_experiment_is_read_with_what_it_does_not_say():
    experiment = parse_experiment(GOOD, "good.yaml")

    assert [each.fault for each in experiment.method] == ["worker-death", "store-slow"]
    assert [target_of(each) for each in experiment.method] == ["worker", "dragonfly"]
    assert experiment.method[1].lasts == 3_000
    assert experiment.method[1].when.within == 2_000


@pytest.mark.parametrize(
    "target", ["1234", "10.0.0.1:6379", "127.0.0.1", "localhost", "redis://here", "/proc/1", "a@b"]
)
def test_an_address_or_a_pid_is_refused(target):
    text = step(fault="worker-death", target=target, when="{phase: EXECUTE}")

    assert refused(text) == [("DSL542", 5, 13)]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"fault": "worker-deth", "when": "{time: 1s}"}, "DSL205"),
        ({"fault": "worker-death", "target": "ledgre", "when": "{time: 1s}"}, "DSL541"),
        ({"fault": "store-slow", "target": "vault", "when": "{time: 1s}", "for": "1s"}, "DSL541"),
        ({"fault": "store-slow", "when": "{time: 1s}"}, "DSL543"),
        ({"fault": "worker-death", "when": "{time: 1s}", "for": "1s"}, "DSL543"),
        ({"fault": "agent-crash", "when": "{phase: PLAN}"}, "DSL544"),
        ({"fault": "worker-death", "when": "{time: 1s, phase: PLAN}"}, "DSL212"),
        ({"fault": "worker-death", "when": "{}"}, "DSL212"),
        ({"fault": "worker-death", "when": "{phase: REVOKED}"}, "DSL212"),
        ({"fault": "worker-death", "when": "{time: 1}"}, "DSL207"),
        ({"fault": "worker-death", "when": "{time: 2h}"}, "DSL207"),
        ({"fault": "worker-death", "when": "{time: 1s}", "probability": "1.1"}, "DSL209"),
        ({"fault": "worker-death", "when": "{time: 1s}", "probability": "0"}, "DSL209"),
        ({"fault": "worker-death", "when": "{time: 1s}", "probability": "-1"}, "DSL209"),
        ({"fault": "worker-death", "when": "{time: 1s}", "pid": "1"}, "DSL201"),
    ],
)
def test_a_mistake_in_a_step_is_told(fields, code):
    assert [each for each, *_ in refused(step(**fields))] == [code]


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        ("phase: EXECUTE", "phase: PLAN", ["DSL544"]),
        ("phase: PLAN", "phase: EXECUTE", []),
        ("phase: EXECUTE", "phase: EXECUTE", []),
        ("phase: EXECUTE", "phase: each", []),
        ("phase: EXECUTE", "time: 1s", []),
    ],
)
def test_faults_strike_in_their_order(first, second, codes):
    faults = "".join(f"  - {{fault: state-loss, when: {{{each}}}}}\n" for each in (first, second))
    text = f"name: x\nmethod:\n{faults}"

    if codes:
        assert [each for each, *_ in refused(text)] == codes
    else:
        parse_experiment(text, "good.yaml")


def test_another_agent_may_be_struck_in_an_earlier_phase_unless_it_is_past_its_gate():
    first, second = (
        f"  - {{fault: lock-loss, target: {agent}, when: {{phase: {phase}}}}}\n"
        for agent, phase in (("python", "EXECUTE"), ("diagnostic", "PLAN"))
    )
    parse_experiment(f"name: x\nmethod:\n{first}{second}", "good.yaml")

    assert [each for each, *_ in refused(f"name: x\nmethod:\n{second}{first}")] == ["DSL544"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD.replace("runs: 8\n", "runs: 9\n", 1), "DSL545"),
        (GOOD.replace("[worker, dragonfly]", "[worker]"), "DSL545"),
        (GOOD.replace("runs: 8\n", "runs: 41\n", 1), "DSL209"),
        (GOOD.replace("ledger-verifies", "all-is-well"), "DSL205"),
        ("name: x\nmethod: []\n", "DSL210"),
        ("name: x\n", "DSL202"),
        ("- 1\n", "DSL211"),
        ("", "DSL211"),
        ("name: [", "DSL101"),
    ],
)
def test_a_mistake_of_the_whole_is_told(text, code):
    assert code in [each for each, *_ in refused(text)]


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DslError) as caught:
        load_experiment(tmp_path / "nothing.yaml")

    assert [each.code for each in caught.value.problems] == ["DSL540"]


def test_every_condition_is_in_the_catalogue_with_a_target():
    assert set(FAULTS) == set(ChaosCondition)
    assert all(kind.targets and kind.phases for kind in FAULTS.values())

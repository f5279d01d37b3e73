"""Templates whose work is an activity or a workflow of somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.contracts import specs
from dsl.compiler import compile_text, runtime_of
from dsl.errors import DslError
from dsl.limits import BODY_HEARTBEAT_MS
from dsl.plan import AgentStep, Plan
from dsl.template_folders import TemplateFolders
from integrations.agents.programs.catalogue import Programs
from tests.fixtures.engine import OUTSIDE

RIGHT = """
name: mine
description: sorts alerts
tier: T1
runtime: activity
type: triage.Alerts
queue: agents-ts
phases: [EXECUTE]
"""
STAGE = 'name: p\nversion: "1"\nstages:\n  - {name: a, type: agent, template: mine'
TEMPLATES = TemplateFolders([OUTSIDE]).look()


def put(folder: Path, text: str = RIGHT) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "mine.yaml").write_text(text)
    return folder


def plan_of(folder: Path, more: str = "") -> Plan:
    templates = TemplateFolders([folder]).look()
    return compile_text(f"{STAGE}{more}}}\n", "p.yaml", templates).plan


def step_of(plan: Plan) -> AgentStep:
    [step] = plan.steps
    assert isinstance(step, AgentStep)
    return step


def refused(folder: Path, more: str = "") -> list[tuple[str, str]]:
    with pytest.raises(DslError) as caught:
        plan_of(folder, more)
    return [(each.code, each.message) for each in caught.value.problems]


def test_the_plan_pins_type_and_queue(tmp_path):
    runtime = step_of(plan_of(put(tmp_path))).runtime

    assert runtime is not None
    assert (runtime.kind, runtime.type, runtime.queue) == ("activity", "triage.Alerts", "agents-ts")
    assert runtime.heartbeat_ms == BODY_HEARTBEAT_MS
    assert str(runtime) == "activity 'triage.Alerts' of task queue 'agents-ts'"


def test_a_workflow_has_no_heartbeat(tmp_path):
    text = RIGHT.replace("runtime: activity", "runtime: workflow")
    runtime = step_of(plan_of(put(tmp_path, text))).runtime

    assert runtime is not None
    assert (runtime.kind, runtime.heartbeat_ms) == ("workflow", None)


def test_a_plan_of_processes_has_the_digest_it_had():
    step = step_of(compile_text(STAGE.replace("mine", "default") + "}\n", "p.yaml", TEMPLATES).plan)

    assert step.runtime is None
    assert "runtime" not in step.model_dump(mode="json")


WRONG = {
    "queue: agents-ts": {
        "": "runtime activity needs queue:",
        "queue: mandate": "queue 'mandate' is Mandate's own",
        "queue: mandate-t3": "queue 'mandate-t3' is Mandate's own",
        "queue: mandate-anything": "queue 'mandate-anything' is Mandate's own",
        "queue: /_sys/agents/3": "queue '/_sys/agents/3': expected letters, digits",
        "queue: ''": "expected letters, digits",
        f"queue: {'q' * 81}": "at most 80",
        "queue: agents-ts\nprogram: ./x.py": "a template of runtime activity has no program",
        "queue: agents-ts\nsandbox: {tcp: [443]}": "has no sandbox",
        "queue: agents-ts\nproduces: [a.txt]": "has no produces",
        "queue: agents-ts\nheartbeat: 10m": "expected 1s to 2m",
        "queue: agents-ts\nheartbeat: 0s": "heartbeat",
        "queue: agents-ts\nquestions: yes": "unknown field 'questions'",
    },
    "type: triage.Alerts": {
        "": "runtime activity needs type:",
        "type: a b": "type 'a b': expected letters, digits",
    },
    "runtime: activity": {
        "": "a template of runtime process has no type, queue",
        "runtime: lambda": "expected process or activity or workflow, got 'lambda'",
        "runtime: process": "has no type, queue",
        "runtime: workflow\nheartbeat: 10s": "a template of runtime workflow has no heartbeat",
    },
    "tier: T1": {
        "tier: T3": "runtime activity takes at most T2, got T3: from T3 on a worker verifies plan"
    },
}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [(right, wrong, said) for right, each in WRONG.items() for wrong, said in each.items()],
)
def test_what_a_template_cannot_say_is_refused_where_it_is_named(tmp_path, right, wrong, said):
    assert right in RIGHT
    [(code, message)] = refused(put(tmp_path, RIGHT.replace(right, wrong)))

    assert code == "DSL331"
    assert said in message


def test_neither_program_nor_runtime_is_told_both_ways(tmp_path):
    text = RIGHT.replace("runtime: activity\ntype: triage.Alerts\nqueue: agents-ts\n", "")
    [(_, message)] = refused(put(tmp_path, text))

    assert (
        "expected program: ./FILE, or runtime: activity or workflow with type and queue" in message
    )


@pytest.mark.parametrize(
    "queue", [value for name, value in vars(specs).items() if name.startswith("QUEUE")]
)
def test_every_queue_of_ours_is_refused(tmp_path, queue):
    [(code, _)] = refused(put(tmp_path, RIGHT.replace("agents-ts", queue)))

    assert code == "DSL331"


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        (
            "secrets: {KEY: kv-build/key#value}",
            "DSL332",
            "template 'mine' of runtime activity gets no secret: what it is told stands in history",
        ),
        ("tier: T3", "DSL333", "takes at most T2, got T3: from T3 on a worker verifies plan"),
        ("sandbox: {tcp: [443]}", "DSL334", "is held by no sandbox of Mandate"),
        ("questions: {approvers: [ann]}", "DSL334", "asks nobody"),
    ],
)
def test_what_a_stage_cannot_ask_of_it_is_refused(tmp_path, config, code, said):
    problems = dict(refused(put(tmp_path), f", config: {{{config}}}"))

    assert said in problems[code]


def test_its_digest_covers_the_template_and_nothing_else(tmp_path):
    before = Programs([put(tmp_path)]).digest("mine")
    (tmp_path / "beside.py").write_text("anything")
    same = Programs([tmp_path]).digest("mine")
    after = Programs([put(tmp_path, RIGHT.replace("agents-ts", "others"))]).digest("mine")

    assert before == same
    assert before.startswith("sha256:")
    assert after != before


def test_a_template_of_a_process_has_no_runtime_to_pin():
    assert runtime_of(TEMPLATES["default"]) is None

"""The lifecycle of one agent: order of phases, retries, limits, revocation, cold guards."""

from __future__ import annotations

import json
import time
from itertools import pairwise

from dsl.agent_protocol.messages import RESERVED_NAMES
from dsl.core import AGENT_PHASES_ORDERED
from dsl.limits import LEASE_TTL_MS
from integrations.agents.contract.protocol import FAILED, AgentError
from integrations.dragonfly.client import connect
from integrations.ledger.verify import verify
from tests.fixtures.engine import Engine, fail, failure_of, hang, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.trust.standing import activities_of

PHASES = [phase.value for phase in AGENT_PHASES_ORDERED]


def _entries(engine: Engine, handle):
    """Ledger entries of a run and its children, oldest first."""
    return told_by(engine.settings.ledger, handle.id)


async def test_the_eight_phases_run_in_order_each_as_an_activity_of_its_own(engine: Engine):
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    ids = await activities_of(engine, f"{handle.id}/look")

    assert [i for i in ids if "ledger" not in i] == [f"look/{phase}#1" for phase in PHASES]


async def test_no_execute_that_is_not_on_the_ledger(engine: Engine):
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    ids = await activities_of(engine, f"{handle.id}/look")
    actions = [entry.action for entry in _entries(engine, handle)]

    assert ids.index("look/ledger#1") < ids.index("look/BOOTSTRAP#1")
    assert actions.index("agent.intended") < actions.index("agent.execute")
    assert actions[0] == "run.started"
    assert actions[-1] == "run.ended"
    assert verify(engine.settings.ledger).problems == ()


async def test_each_try_is_told_a_higher_fence_and_waits_for_no_lease_of_the_one_before(
    engine: Engine,
):
    engine.runner.requests.clear()
    begun: list[float] = []

    async def fail_again(request):
        begun.append(time.monotonic())
        return await fail(request)

    engine.runner.behaviours["flaky"] = fail_again

    await failure_of(await engine.start(pipeline(stage("flaky", config={"retry": 2}))))

    for one, next_one in pairwise(begun):
        assert next_one - one < LEASE_TTL_MS / 1000
    fences = [request.fence for request in engine.runner.requests]
    assert len(fences) == 3
    assert 0 < fences[0] < fences[1] < fences[2]


async def test_retry_counts_failures_of_the_agent_and_records_each_further_try(engine: Engine):
    tries = []

    async def fail_twice(request):
        tries.append(request.attempt)
        if len(tries) < 3:
            return await fail(request)
        return {"ok": True}

    engine.runner.behaviours["flaky"] = fail_twice
    handle = await engine.start(pipeline(stage("flaky", config={"retry": 2})))
    report = await handle.result()
    actions = [entry.action for entry in _entries(engine, handle)]

    assert tries == [1, 2, 3]
    assert report["stages"]["flaky"]["attempts"] == 3
    assert actions.count("agent.retried") == 2


async def test_a_failure_for_good_is_not_tried_again(engine: Engine):
    tries = []

    async def refuse(request):
        tries.append(request.attempt)
        raise AgentError(FAILED, "bad usage", retryable=False)

    engine.runner.behaviours["bad"] = refuse
    handle = await engine.start(pipeline(stage("bad", config={"retry": 3})))
    failure = await failure_of(handle)

    assert tries == [1]
    assert "bad usage" in failure.message


async def test_exit_runs_after_a_failure_too(engine: Engine):
    engine.runner.behaviours["bad"] = fail
    handle = await engine.start(pipeline(stage("bad")))
    await failure_of(handle)
    ids = await activities_of(engine, f"{handle.id}/bad")

    assert ids[-2:] == ["bad/EXIT#1", "bad/ledger#2"] or "bad/EXIT#1" in ids


async def test_a_stage_over_its_time_limit_is_stopped_and_cleaned_up(engine: Engine):
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(stage("slow", config={"timeout": "2s"})))
    failure = await failure_of(handle)
    ids = await activities_of(engine, f"{handle.id}/slow")

    assert failure.type == "TimedOut"
    assert "2s" in failure.message
    assert "slow/EXIT#1" in ids
    assert engine.runner.running == set()


async def test_a_template_without_a_program_fails_bootstrap_saying_so(engine: Engine):
    document = pipeline({"name": "apply", "type": "agent", "template": "declared"})
    failure = await failure_of(await engine.start(document))

    assert "has no program yet" in failure.message


async def test_an_agent_never_holds_more_than_it_was_given(engine: Engine):
    handle = await engine.start(pipeline(stage("build", config={"tier": 2})))

    assert (await handle.result())["status"] == "completed"


async def test_an_agent_id_stays_bound_to_what_it_was_first_seen_as(engine: Engine):
    first = pipeline(stage("look", agent="shared-agent"))
    await (await engine.start(first)).result()
    other = {**first, "stages": [stage("look", agent="shared-agent"), stage("more")]}
    report = await (await engine.start(other)).result()

    # Another plan digest, another inline identity: trust is not carried over.
    assert report["status"] == "completed"


async def test_a_guard_lost_in_the_middle_is_seeded_afresh_and_the_run_goes_on(engine: Engine):
    async def lose_everything(_request):
        settings = engine.settings
        redis = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        await redis.flushall()
        await redis.aclose()
        return {}

    engine.runner.behaviours["look"] = lose_everything
    handle = await engine.start(pipeline(stage("look")))
    report = await handle.result()
    ids = await activities_of(engine, f"{handle.id}/look")

    assert report["status"] == "completed"
    assert "look/authority#1" in ids


async def test_the_report_names_every_output_by_digest(engine: Engine):
    handle = await engine.start(pipeline(stage("look")))
    report = await handle.result()
    outputs = {o["name"]: o for o in report["stages"]["look"]["outputs"]}

    assert {"admission.json", "plan.json", "execute.json", "manifest.json", "report.md"} <= set(
        outputs
    )
    assert set(outputs) <= RESERVED_NAMES  # no agent can take one of them
    assert outputs["plan.json"]["output_type"] == "beta"
    assert outputs["report.md"]["output_type"] == "gamma"
    assert all(o["digest"].startswith("sha256:") for o in outputs.values())


async def test_outputs_of_required_stages_are_handed_on_by_digest(engine: Engine):
    seen = {}

    async def look(request):
        for name, given in request.prior.items():
            seen[name] = (request.workdir / given["path"]).read_bytes()
        return {}

    engine.runner.behaviours["second"] = look
    handle = await engine.start(pipeline(stage("first"), stage("second", requires=["first"])))
    await handle.result()

    assert json.loads(seen["first/manifest.json"])["stage"] == "first"
    assert seen["first/report.md"].startswith(b"# ")


async def test_a_cancelled_child_ends_its_stage_not_silently(engine: Engine):
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(stage("slow")))
    await engine.runner.until_running("slow")
    await engine.client.get_workflow_handle(f"{handle.id}/slow").cancel()
    failure = await failure_of(handle)

    assert "cancelled" in failure.message

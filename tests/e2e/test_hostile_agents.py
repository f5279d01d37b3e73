"""What an agent that is out to do harm achieves against the whole engine: nothing.

Real processes in their real sandbox, under the whole engine. What it tries, it reports; what
it is refused, the engine's own report says.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from dsl.actions import AGENT_REVOKED, AGENT_VIOLATED
from dsl.core import Tier
from integrations.agents.sandbox import landlock
from integrations.agents.workdir import workdir
from integrations.ledger.entries import Draft
from tests.fixtures.engine import gate, pipeline, stage
from tests.fixtures.hostile.arena import PLAYED, TEMPLATE_NAME, Arena, identity_of, played
from tests.fixtures.hostile.traces import processes
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.temporal import temporal_cli

Play = Callable[[str], Path]

ENDED = ("completed", "failed")
LIMIT_S = 3  # of the stage of an unruly agent that works until its time is over
AMPLE_S = 60  # of one that ends before: how fast it is read is the machine's
CLEANING_S = 12  # until such a stage has ended: generous, for a busy machine

WRONG = " (violation: wrong-output); demoted from T2 to T1"
TAKEN = "protocol: a message of type {!r} cannot be taken: it is "
DEEPER = "levels deep, and 64 is the limit"
# How an agent misbehaves, and the words in which its stage's end is told.
FULL = (
    "quota: the agent was ended, for it reached its quota of 200 files in its private directory "
    "(seen: 200): let it use less, or raise config.sandbox.files of its stage"
)
UNRULY = {
    "fill": ("StageFailed", FULL),
    "crash": ("StageFailed", "exit: exit status 1; it said: RuntimeError: crashed on purpose"),
    "segfault": ("StageFailed", "signal: ended by SIGSEGV"),
    "hang": ("TimedOut", "not finished within 3s"),
    "ignore_sigterm": ("TimedOut", "not finished within 3s"),
    "flood": ("Violation", "protocol: more than 16777216 bytes of output" + WRONG),
    "flood_stderr": ("TimedOut", "not finished within 3s"),
    "garbage": ("Violation", "protocol: ended without a result" + WRONG),
    "binary": ("Violation", "protocol: a line is longer than 1048576 bytes" + WRONG),
    "deep_result": ("Violation", f"{TAKEN.format('result')}nested 200 {DEEPER}" + WRONG),
    "deep_progress": ("Violation", f"{TAKEN.format('progress')}nested 402 {DEEPER}" + WRONG),
    "deep_log": ("Violation", f"{TAKEN.format('log')}nested 902 {DEEPER}" + WRONG),
    "deep_artifact": ("Violation", f"{TAKEN.format('artifact')}nested 902 {DEEPER}" + WRONG),
    "twice": (
        "Violation",
        "protocol: a message of type 'result' cannot be taken: the key \"status\" is there twice"
        + WRONG,
    ),
    "call_with_a_key_twice": (
        "Violation",
        "protocol: a message of type 'tool_call' cannot be taken: the key \"amount\" is there twice"
        + WRONG,
    ),
    "call_beyond_numbers": (
        "Violation",
        "protocol: a message of type 'tool_call' cannot be taken: a number is beyond "
        "1.7e308, write it as a string" + WRONG,
    ),
    "call_of_5_mb": ("Violation", "protocol: a line is longer than 1048576 bytes" + WRONG),
    "double_fork": ("Violation", "protocol: ended without a result" + WRONG),
}


@pytest.fixture(autouse=True)
def sandboxed() -> None:
    if landlock.level() == "none":
        pytest.skip("this kernel has no Landlock")


@pytest.fixture
def mark() -> str:
    """A number of seconds that nobody else sleeps."""
    return f"300.{os.getpid()}{time.monotonic_ns()}"


@pytest.fixture
def another() -> Iterator[Path]:
    """The private directory of another run, with a file in it."""
    with workdir() as place:
        (place / "found.txt").write_text("another's")
        yield place


@pytest.fixture
def harm(arena: Arena, another: Path) -> dict[str, tuple[str, Any]]:
    """What the intruder tries."""
    vote = {
        "cli": temporal_cli(),
        "address": arena.settings.temporal,
        "ui": arena.settings.ui,
        "namespace": arena.client.namespace,
        "input": json.dumps({"gate": "review", "decision": "approve", "voter": "ann"}),
    }
    return {
        **{f"reach {name}": ("tcp", port) for name, port in arena.ports.items()},
        **{f"read the {name}": ("read", str(path)) for name, path in arena.lists.items()},
        "read the ledger's log": ("read", f"{arena.settings.ledger}-wal"),
        "change the ledger": ("write", str(arena.settings.ledger)),
        "read the worker's environment": ("read", f"/proc/{os.getpid()}/environ"),
        "read the worker's command line": ("read", f"/proc/{os.getpid()}/cmdline"),
        "read the worker's memory map": ("read", f"/proc/{os.getpid()}/maps"),
        "list all processes": ("list_names", "/proc"),
        "read another run's file": ("read", str(another / "found.txt")),
        "list another run's directory": ("list_names", str(another)),
        "write into another run's directory": ("write", str(another / "found.txt")),
        "read other templates": ("read", f"{PLAYED.name}/{TEMPLATE_NAME}.yaml"),
        "vote by command line": ("cli_vote", vote),
        "vote by sdk": ("sdk_vote", vote),
        "vote by the web ui": ("http_vote", vote),
    }


@pytest.mark.parametrize("network", ["none", "one port"])
async def test_an_intruder_fails_at_everything_and_the_report_says_so(
    arena: Arena, play: Play, harm: dict[str, Any], network: str
):
    intruder = play("intruder")
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = server.getsockname()[1]
        allowed = {
            "read the workspace": ("read", str(arena.settings.workspace / "README.md")),
            "reach its own port": ("tcp", own),
        }
        handle = await arena.start(
            pipeline(
                gate("review"),
                played(
                    "look",
                    config={
                        "timeout": "60s",
                        "sandbox": {"tcp": [own]} if network == "one port" else {},
                        "inputs": arena.orders(**harm, **allowed),
                    },
                ),
            )
        )
        status = await arena.until(
            handle, lambda s: s["stages"].get("look", {}).get("status") in ENDED
        )
    [waiting] = status["waiting_for"]
    signals = [
        event
        for event in await arena.events(handle)
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    unbound = _without_sandbox(intruder, handle.id, arena, harm)
    answers = (await handle.result())["stages"]["look"]["output"]

    assert (waiting["gate"], waiting["votes"], status["void_messages"]) == ("review", 0, [])
    assert signals == []
    assert {label for label, how in answers.items() if how.startswith("denied: ")} >= set(harm)
    assert answers["read the workspace"] == "done: 25 bytes"
    assert answers["reach its own port"].startswith("done" if network == "one port" else "denied")
    # It tries in earnest: without the sandbox it gets everything, the approval too.
    assert {label: how for label, how in unbound.items() if not how.startswith("done: ")} == {}


@pytest.mark.parametrize("server", ["temporal", "vault", "dragonfly", "ui"])
async def test_a_port_of_the_engine_is_refused_before_anything_is_done(
    arena: Arena, play: Play, server: str
):
    play("intruder")
    port = arena.ports[server]
    config = {"sandbox": {"tcp": [port]}, "inputs": arena.orders()}
    handle = await arena.start(pipeline(played("look", config=config)))
    failure, _ = await arena.failure(handle)
    ran = await arena.activities(f"{handle.id}/look")

    assert f"port {port} belongs to the engine's own servers: remove it" in failure.message
    assert [name for name in ran if "EXECUTE" in name] == []


def on_record(arena: Arena, run: str) -> list[str]:
    """What the ledger says of breaches of the stage."""
    found = told_by(arena.settings.ledger, f"{run}/look")
    of_stage = [e for e in found if (e.workflow_id, e.action) == (f"{run}/look", AGENT_VIOLATED)]
    return [str(each.payload["detail"]) for each in of_stage]


@pytest.mark.parametrize("do", UNRULY)
async def test_an_unruly_agent_ends_its_stage_and_leaves_nothing_behind(
    arena: Arena, play: Play, dragonfly: Redis, mark: str, do: str
):
    file = play("unruly")
    kind, why = UNRULY[do]
    limit_s = LIMIT_S if kind == "TimedOut" else AMPLE_S
    document = pipeline(played("look", config=_unruly(arena, do, mark, limit_s)))
    started = time.monotonic()
    handle = await arena.start(document)
    failure, report = await arena.failure(handle)
    took = time.monotonic() - started
    agent = identity_of(document, f"{document['name']}.look")
    ran = await arena.activities(f"{handle.id}/look")

    assert failure.type == kind
    assert failure.message == f"stage 'look' failed: {why}"
    assert report["stages"]["look"]["status"] == "failed"
    assert on_record(arena, handle.id) == ([why.removesuffix(WRONG)] if why.endswith(WRONG) else [])
    assert took < limit_s + CLEANING_S
    assert processes(file.name, mark) == []
    assert "look/EXIT#1" in ran
    assert [key async for key in dragonfly.scan_iter(f"agent:{agent}*:lock")] == []


GREEDY = {
    "fork_bomb": r"its quota of 32 processes and threads \(seen: \d+\)",
    "ten_gigabytes": r"its quota of 16 MiB in its private directory \(seen: \d+\)",
}


@pytest.mark.parametrize("do", GREEDY)
async def test_a_greedy_agent_is_ended_by_its_quota(arena: Arena, play: Play, mark: str, do: str):
    file = play("unruly")
    config = {
        "timeout": "60s",
        "inputs": arena.orders(do=do, mark=mark),
        "sandbox": {"processes": 32, "disk_mb": 16},
    }
    failure, _ = await arena.failure(await arena.start(pipeline(played("look", config=config))))

    assert re.search(f"quota: the agent was ended, for it reached {GREEDY[do]}", failure.message)
    assert processes(file.name, mark) == []


async def test_a_file_that_is_swapped_for_a_link_never_becomes_anybody_elses(
    arena: Arena, play: Play, mark: str
):
    play("unruly")
    config = {"inputs": arena.orders(do="race_links", mark=mark)}
    handle = await arena.start(pipeline(played("look", config=config)))
    await arena.until_ended(handle)
    stored = [each for each in arena.settings.artifacts.glob("??/*") if each.is_file()]

    assert [each.name for each in stored if b"root:x:0" in each.read_bytes()] == []


async def test_what_an_agent_leaves_behind_after_its_result_ends_with_the_stage(
    arena: Arena, play: Play, mark: str
):
    file = play("unruly")
    config = _unruly(arena, "double_fork_and_finish", mark)
    handle = await arena.start(pipeline(played("look", config=config)))
    report = await handle.result()

    assert report["status"] == "completed"
    assert processes(file.name, mark) == []


def test_processes_that_run_are_found_by_their_mark(mark: str):
    with subprocess.Popen(["sleep", mark]) as sleeper:
        end = time.monotonic() + AMPLE_S  # its arguments are not there from the beginning
        while not (found := processes(mark)) and time.monotonic() < end:
            time.sleep(0.01)
        sleeper.kill()

    assert found == [sleeper.pid]


async def test_another_program_under_the_same_name_is_refused(arena: Arena, play: Play, mark: str):
    document = pipeline(played("look", config={"inputs": arena.orders()}))
    play("intruder")
    await (await arena.start(document)).result()
    play("unruly")
    handle = await arena.start(document)
    failure, _ = await arena.failure(handle)
    ran = await arena.activities(f"{handle.id}/look")

    assert "this agent id is bound to something else (program sha256:" in failure.message
    assert "or give the stage another 'agent'" in failure.message
    assert "\n" not in failure.message
    assert [name for name in ran if "PREFLIGHT" in name] == []


async def test_another_pipeline_and_template_do_not_get_a_registered_agent(arena: Arena):
    first = await arena.start_type("with-default")
    assert (await first.result())["registered"]
    failure, _ = await arena.failure(await arena.start_type("with-code-review"))

    assert (
        "bound to something else (pipeline with-default became with-code-review; "
        "template default became code-review; program sha256:" in failure.message
    )


async def test_an_inline_plan_gets_no_more_than_the_inline_tier(modest_arena: Arena):
    handle = await modest_arena.start(pipeline(stage("build", config={"tier": 2})))
    failure, report = await modest_arena.failure(handle)

    assert failure.type == "InvalidPipeline"
    assert failure.message == (
        "stage 'build' rejected: an inline plan may ask for T1 at most, and this stage asks for "
        "T2: lower the tier, or have somebody register it: `mandate register FILE`"
    )
    assert report["stages"]["build"]["attempts"] == 0


async def test_an_agent_gets_no_more_than_the_tier_it_holds(modest_arena: Arena):
    handle = await modest_arena.start(pipeline(stage("change", config={"tier": 1})))
    failure, _ = await modest_arena.failure(handle)
    ran = await modest_arena.activities(f"{handle.id}/change")

    assert failure.type == "StageFailed"
    assert failure.message.endswith(
        "the stage asks for T1 (operator) and the agent holds T0 (observer): "
        "lower the tier, or promote the agent first"
    )
    assert [name for name in ran if "PREFLIGHT" in name] == []
    assert "change/EXIT#1" in ran


async def test_a_revoked_agent_does_not_start(arena: Arena):
    document = pipeline(stage("look"))
    agent = identity_of(document, f"{document['name']}.look")
    await (await arena.start(document)).result()
    await arena.ledger.append([_revocation(agent)])
    handle = await arena.start(document)
    failure, report = await arena.failure(handle)
    ran = await arena.activities(f"{handle.id}/look")
    recorded = [
        e.action for e in told_by(arena.settings.ledger, handle.id) if e.workflow_id == handle.id
    ]

    assert failure.type == "Revoked"
    assert failure.message == f"stage 'look' revoked: agent '{agent}' is revoked"
    assert report["stages"]["look"]["status"] == "revoked"
    assert [name for name in ran if "ledger" not in name] == ["look/REVOKED#1"]
    assert recorded[-1] == "run.ended"


def _without_sandbox(
    file: Path, run: str, arena: Arena, attempts: dict[str, Any]
) -> dict[str, str]:
    """Run the intruder as an ordinary process; return its answers.

    It blocks the workers of this process, so the gate stays open for every one of its votes.
    """
    given = {"workspace": str(arena.settings.workspace), **arena.orders(**attempts)}
    done = subprocess.run(
        [sys.executable, "-I", str(file)],
        input=json.dumps({"run": run, "input": given}) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers: dict[str, str] = json.loads(done.stdout)["output"]
    return answers


def _unruly(arena: Arena, do: str, mark: str, limit_s: int = AMPLE_S) -> dict[str, Any]:
    orders, quota = arena.orders(do=do, mark=mark), {"files": 200}
    return {"timeout": f"{limit_s}s", "inputs": orders, "sandbox": quota}


def _revocation(agent: str) -> Draft:
    return Draft(
        key=f"revoked/{agent}",
        workflow_id="-",
        run_id="-",
        agent=agent,
        tier=Tier.T0,
        action=AGENT_REVOKED,
        payload={"epoch": time.time_ns() // 1_000_000},
    )

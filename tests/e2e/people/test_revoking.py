"""``mandate revoke`` as a person types it, at real processes, with one thing away at a time.

The servers that fail are the test's own, named to ``mandate up`` as a person's servers are. Agents
are dead within two seconds, at the median: also while Vault is away, as no brake waits for another.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.ledger.verify import TAIL_MAX, tail, verify
from tests.fixtures.engine import pipeline, stage
from tests.fixtures.person import Somebody, person_of
from tests.fixtures.stack import MandateUp
from tests.fixtures.timing.medians import held_at_the_median
from tests.integration.stack.probes import eventually, is_dead

DEAD_S = 2.0  # after the word, at the median
DEAD_S_MAX = 10.0  # where nothing is away; a lease that nobody renews ends after 12
WAIT_S_MAX = 20  # on a busy machine
WHY = ("--reason", "it looks where it must not")


@pytest.fixture(scope="module")
async def ann(tmp_path_factory, bao, up) -> Somebody:
    return await person_of(bao, tmp_path_factory.mktemp("ann"), "ann", up.env)


@pytest.fixture(scope="module")
def died() -> Iterator[list[float]]:
    """How long after the word for it each agent was dead."""
    with held_at_the_median(DEAD_S, of=3) as told:
        yield told


async def until_dead(pids: set[int], since: float) -> float:
    """Return how long after ``since`` all of them were dead."""
    await eventually(lambda: all(map(is_dead, pids)), within_s=30)
    return time.monotonic() - since


async def at_work(up: MandateUp) -> tuple[Any, str, set[int]]:
    """Start an agent that works for minutes; return its run, its id and its processes."""
    slow = up.slow_folder()
    run = await up.start(pipeline(stage("look", config={"tier": 1, "inputs": {"path": slow.name}})))
    pids = await up.until_agent_works()
    child = (await up.client()).get_workflow_handle(f"{run.id}/look")
    return run, (await child.query("status"))["agent"], pids


def state_of(receipt: dict[str, Any]) -> dict[str, bool]:
    """Return which lines are confirmed, by the system they are about."""
    state: dict[str, bool] = {}
    for line in receipt["lines"]:
        system = line["what"].partition(":")[0]
        state[system] = state.get(system, True) and line["confirmed"]
    return state


def why(receipt: dict[str, Any], system: str) -> str:
    """Return why the first line about ``system`` that is not confirmed is not."""
    waiting = [line for line in receipt["lines"] if not line["confirmed"]]
    return next(str(line["detail"]) for line in waiting if line["what"].startswith(system))


async def revoke(ann: Somebody, agent: str, *more: str, code: int) -> dict[str, Any]:
    said = await ann.mandate("revoke", agent, *WHY, "--json", *more)
    assert said.code == code, said
    receipt: dict[str, Any] = json.loads(said.out)
    return receipt


async def revoke_until(
    ann: Somebody, agent: str, wait_s: int, true: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Revoke; where it has not come so far, again, and wait longer. Return the last receipt."""
    while True:
        receipt = await revoke(ann, agent, "--wait", str(wait_s), code=1)
        if true(receipt) or wait_s > WAIT_S_MAX:
            return receipt
        wait_s *= 2


async def joined(up: MandateUp, agent: str) -> dict[str, Any]:
    """Wait for the end of the revocation that is under way."""
    async with asyncio.timeout(90):
        receipt: dict[str, Any] = await (
            (await up.client()).get_workflow_handle(f"revocation/{agent}").result()
        )
    return receipt


ALL = dict.fromkeys(["vault", "dragonfly", "ledger", "temporal", "processes"], True)


async def test_what_is_typed_stops_the_process_and_says_so_line_by_line(up, ann):
    _, agent, pids = await at_work(up)
    said = await ann.mandate("revoke", agent, *WHY)

    assert said.code == 0, said
    assert all(map(is_dead, pids))
    lines = said.out.splitlines()
    assert len(lines) == 7
    assert all(line.startswith("confirmed ") for line in lines)
    again = await revoke(ann, agent, code=0)
    assert (again["complete"], again["by"]) == (True, "ann")


async def test_the_process_is_dead_soon_after_the_signal(up, ann, died):
    _, agent, pids = await at_work(up)
    printed = await ann.mandate("revoke", agent, *WHY, "--print")
    client = await up.client()
    started = time.monotonic()
    handle = await client.start_workflow(
        "Revocation",
        json.loads(printed.out),
        id=f"revocation/{agent}",
        task_queue="mandate",
    )
    took_s = await until_dead(pids, started)
    died.append(took_s)

    assert (await handle.result())["complete"] is True
    assert took_s < DEAD_S_MAX


async def test_what_is_printed_goes_over_the_plain_cli(up, ann):
    _, agent, _ = await at_work(up)
    typo = await ann.mandate("revoke", f"{agent}x", *WHY)
    printed = await ann.mandate("revoke", agent, *WHY, "--print")
    code, said = await up.cli(
        *("workflow", "execute", "--type", "Revocation", "-w", f"revocation/{agent}"),
        *("--task-queue", "mandate", "--input", printed.out, "-o", "json"),
    )

    assert f"nothing was changed; did you mean '{agent}'?; see: mandate agents" in typo.err
    assert printed.code == 0
    assert code == 0, said
    assert (await joined(up, agent))["complete"] is True


async def test_whatever_holds_the_id_delays_nothing_and_is_named(up, ann):
    _, agent, pids = await at_work(up)
    client = await up.client()
    squatter = await client.start_workflow(
        "Pipeline", id=f"revocation/{agent}", task_queue="nobody-polls-this"
    )
    said = await ann.mandate("revoke", agent, *WHY, "--json")
    await squatter.terminate()
    receipt = json.loads(said.out)

    assert said.code == 0, said
    assert (state_of(receipt), receipt["by"]) == (ALL, "ann")
    assert receipt["workflow"].startswith(f"revocation/{agent}/")
    assert (
        f"{receipt['workflow']} is started, as revocation/{agent} is a workflow of type" in said.err
    )
    assert all(map(is_dead, pids))


async def test_who_is_not_logged_in_is_told_how_to(up, tmp_path):
    nobody = Somebody("eve", "", tmp_path / "eve", up.env)
    for more in ((), ("--print",)):
        said = await nobody.mandate("revoke", "some-agent", *WHY, *more)
        assert (said.code, said.out) == (2, "")
        assert "log in first: mandate login NAME" in said.err


async def test_an_agent_nobody_knows_is_refused(up, ann):
    said = await ann.mandate("revoke", "nobody-knows-it", *WHY)
    receipt = await revoke(ann, "nobody-knows-it", code=2)

    assert (said.code, said.out) == (2, "")
    assert "vault knows no agent 'nobody-knows-it': nothing was changed" in said.err
    assert receipt["complete"] is False
    assert "unknown agent" in receipt["refused"]


@pytest.mark.parametrize("agent", ["a/b", "*", "../x", "{{x}}", "A", ""])
async def test_what_is_no_agent_is_wrong_usage(up, ann, agent):
    said = await ann.mandate("revoke", agent, *WHY)

    assert (said.code, said.out) == (2, "")


async def test_vault_sealed_delays_what_takes_a_proof_and_stops_the_agent_all_the_same(
    up, ann, bao, died
):
    _, agent, pids = await at_work(up)
    expected = {
        **dict.fromkeys(["vault", "dragonfly", "ledger"], False),
        **dict.fromkeys(["temporal", "processes"], True),
    }
    printed = await ann.mandate("revoke", agent, *WHY, "--print")
    bao.as_root("PUT", "sys/seal")
    try:
        client = await up.client()
        started = time.monotonic()
        await client.start_workflow(
            "Revocation",
            json.loads(printed.out),
            id=f"revocation/{agent}",
            task_queue="mandate",
        )
        died.append(await until_dead(pids, started))
        receipt = await revoke_until(ann, agent, 4, lambda told: state_of(told) == expected)
    finally:
        bao.stop()
        bao.start()  # the fixture unseals it
    after = await joined(up, agent)

    assert state_of(receipt) == expected
    # Whichever is met first: the Vault that is sealed, or the proof that could not be made there.
    reasons = ("vault is sealed", "this takes the proof of a person, and none came with it")
    assert any(reason in why(receipt, "vault") for reason in reasons)
    assert receipt["complete"] is False
    assert state_of(after) == ALL
    assert after["by"] == "ann"


async def test_dragonfly_away_delays_its_lines_and_the_run_that_gives_a_lease_back(up, ann, store):
    _, agent, pids = await at_work(up)
    expected = {**ALL, "dragonfly": False, "temporal": False}

    def has_come_so_far(told: dict[str, Any]) -> bool:
        return (
            state_of(told) == expected
            and "still under way" in why(told, "temporal")
            and "no service from dragonfly" in why(told, "dragonfly")
        )

    store.stop()
    try:
        receipt = await revoke_until(ann, agent, 6, has_come_so_far)
    finally:
        store.start()
    after = await joined(up, agent)

    assert all(map(is_dead, pids))
    assert state_of(receipt) == expected
    assert "still under way" in why(receipt, "temporal")
    assert "no service from dragonfly" in why(receipt, "dragonfly")
    assert state_of(after) == ALL


async def test_a_full_disk_under_the_ledger_delays_no_brake(up, ann):
    _, agent, pids = await at_work(up)
    ledger = up.pid("ledger")
    limits = resource.prlimit(ledger, resource.RLIMIT_FSIZE)
    resource.prlimit(ledger, resource.RLIMIT_FSIZE, (0, limits[1]))

    def has_come_so_far(told: dict[str, Any]) -> bool:
        state = state_of(told)
        is_so = state["vault"] and state["dragonfly"] and not state["ledger"]
        return is_so and "cannot append to the ledger" in why(told, "ledger")

    try:
        receipt = await revoke_until(ann, agent, 5, has_come_so_far)
    finally:
        resource.prlimit(ledger, resource.RLIMIT_FSIZE, limits)
    after = await joined(up, agent)

    assert all(map(is_dead, pids))
    assert receipt["complete"] is False
    assert not state_of(receipt)["ledger"]
    assert state_of(receipt)["vault"]
    assert state_of(receipt)["dragonfly"]
    assert "cannot append to the ledger" in why(receipt, "ledger")
    assert state_of(after) == ALL
    assert [e.action for e in tail(up.ledger, TAIL_MAX) if e.agent == agent][-1:] != []
    assert verify(up.ledger).problems == ()


async def test_a_trust_worker_killed_in_the_middle_is_no_end_of_it(up, ann, bao, died):
    _, agent, pids = await at_work(up)
    printed = await ann.mandate("revoke", agent, *WHY, "--print")
    client = await up.client()
    bao.pause()  # so that the brake is being applied when its worker dies
    try:
        started = time.monotonic()
        handle = await client.start_workflow(
            "Revocation",
            json.loads(printed.out),
            id=f"revocation/{agent}",
            task_queue="mandate",
        )
        died.append(await until_dead(pids, started))
        await up.kill("trust")
        receipt = await handle.query("receipt")
    finally:
        bao.resume()
    after = await joined(up, agent)

    assert not state_of(receipt)["vault"]
    assert state_of(after) == ALL

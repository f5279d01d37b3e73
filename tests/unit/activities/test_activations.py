"""Where workflow code runs: at once where that is short, and never for longer than it may."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from activities.runtime import activations as activations_of
from activities.runtime.activations import JOBS_MAX, Activations, StuckError
from activities.runtime.asking import ASK_AGAIN

MAY_COMPUTE_S = 0.2
GOES_ON_S = 60.0  # unless it is broken off
secret = ContextVar("secret", default="")


def activation(*, jobs: int = 1, is_replaying: bool = False) -> WorkflowActivation:
    made = WorkflowActivation(is_replaying=is_replaying)
    for _ in range(jobs):
        made.jobs.add().fire_timer.seq = 1
    return made


def where(_act: WorkflowActivation) -> int:
    return threading.get_ident()


def compute(_act: WorkflowActivation | None = None) -> None:
    until = time.monotonic() + GOES_ON_S
    while time.monotonic() < until:
        pass


def compute_and_swallow(_act: WorkflowActivation) -> str:
    with suppress(BaseException):
        compute()
    return "as if nothing had been"


@pytest.fixture
def activations() -> Iterator[Activations]:
    made = Activations(2, MAY_COMPUTE_S)
    yield made
    made.shutdown()


async def test_what_goes_on_with_a_history_in_memory_runs_where_it_arrived(activations):
    assert activations.submit(where, activation()).result() == threading.get_ident()


@pytest.mark.parametrize("long", [{"is_replaying": True}, {"jobs": JOBS_MAX + 1}])
async def test_a_replay_and_what_brings_much_gets_a_thread(activations, long):
    ran_in = await asyncio.wrap_future(activations.submit(where, activation(**long)))

    assert ran_in != threading.get_ident()


async def test_the_workers_loop_is_what_runs_afterwards(activations):
    def leave_no_loop(_act: WorkflowActivation) -> None:
        asyncio._set_running_loop(None)

    loop = asyncio.get_running_loop()
    activations.submit(leave_no_loop, activation()).result()

    assert asyncio.get_running_loop() is loop


async def test_nothing_of_the_worker_reaches_a_workflow(activations):
    secret.set("of the worker")

    assert activations.submit(lambda _act: secret.get(), activation()).result() == ""


async def test_a_failure_is_for_whoever_waits(activations):
    def fail(_act: WorkflowActivation) -> None:
        raise ValueError("in a workflow")

    with pytest.raises(ValueError, match="in a workflow"):
        activations.submit(fail, activation()).result()


@pytest.mark.parametrize("work", [compute, compute_and_swallow])
async def test_what_computes_for_ever_is_broken_off_and_the_worker_goes_on(activations, work):
    began = time.monotonic()

    with pytest.raises(StuckError, match="more than"):
        activations.submit(work, activation()).result()

    assert time.monotonic() - began < GOES_ON_S / 2
    await asyncio.sleep(2 * MAY_COMPUTE_S)  # what is broken off too late would hit this
    assert activations.submit(where, activation()).result() == threading.get_ident()


async def test_a_worker_that_stood_still_as_a_whole_has_not_computed():
    """Stopped by a signal, or with its machine: nothing looked meanwhile."""
    made = Activations(2, 1.0)

    def stand_still(_act: WorkflowActivation) -> str:
        made._watch._began = time.monotonic() - 60  # as the clock says afterwards
        until = time.monotonic() + 2 * activations_of._LOOK_EVERY_S
        while time.monotonic() < until:
            pass
        return "goes on"

    assert made.submit(stand_still, activation()).result() == "goes on"
    made.shutdown()


async def test_what_cannot_be_torn_down_is_let_go_of_and_kept(activations, caplog):
    """What was broken off waits for what nothing will bring; cleared away, it would run on."""

    class Run:
        def activate(self, _act: WorkflowActivation) -> None:
            raise RuntimeError("Eviction processed, but 4 tasks remain")

    run = Run()
    remains = weakref.ref(run)
    end = of_run("a", seconds=1, length=3, kind="remove_from_cache")

    assert activations.submit(run.activate, end).result() is None
    assert "run a is let go of as it is: Eviction processed" in caplog.text
    del run
    assert remains() is not None


async def test_a_run_that_computes_for_ever_as_it_is_torn_down_is_let_go_of(activations):
    end = of_run("a", seconds=1, length=3, kind="remove_from_cache")

    assert activations.submit(compute, end).result() is None


def of_run(run: str, *, seconds: int, length: int, kind: str = "fire_timer") -> WorkflowActivation:
    made = WorkflowActivation(run_id=run, history_length=length)
    made.timestamp.seconds = seconds
    getattr(made.jobs.add(), kind).SetInParent()
    return made


async def test_what_no_workflow_task_has_brought_never_reaches_a_workflow(activations):
    reached: list[WorkflowActivation] = []
    at_once = activations.submit(reached.append, of_run("a", seconds=1, length=3))
    later = of_run("a", seconds=1, length=6)  # history has grown, and no task has begun

    completion = activations.submit(reached.append, later).result()

    assert at_once.result() is None
    assert completion.run_id == "a"
    assert completion.failed.failure.message == ASK_AGAIN
    assert [each.history_length for each in reached] == [3]


async def test_what_a_workflow_task_brings_is_handed_over(activations):
    tasks = [
        of_run("a", seconds=1, length=3),
        of_run("a", seconds=1, length=3, kind="resolve_activity"),  # a local one, in the same
        of_run("a", seconds=1, length=6, kind="query_workflow"),  # it only looks
        of_run("b", seconds=1, length=9),
        of_run("a", seconds=2, length=7),
        of_run("a", seconds=2, length=7, kind="remove_from_cache"),
        of_run("a", seconds=2, length=9),  # anew: what was known of it has been let go of
    ]
    reached: list[WorkflowActivation] = []

    for each in tasks:
        assert activations.submit(reached.append, each).result() is None

    assert reached == tasks

"""The baseline: what a run of eight trivial activities costs on Temporal alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "bench-bare"
STEPS = 8


@activity.defn(name="bare.step")
async def step(number: int) -> int:
    """Do nothing."""
    return number


@workflow.defn(name="BareSteps")
class BareSteps:
    """Eight activities, one after another."""

    @workflow.run
    async def run(self) -> int:
        """Return how many there were."""
        for number in range(STEPS):
            await workflow.execute_activity(
                step, number, start_to_close_timeout=timedelta(seconds=30)
            )
        return STEPS


@workflow.defn(name="BareGate")
class BareGate:
    """Wait for a signal under a timer, then one activity."""

    def __init__(self) -> None:
        self._open = False

    @workflow.run
    async def run(self) -> None:
        """Wait and act."""
        await workflow.wait_condition(lambda: self._open, timeout=timedelta(hours=1))
        await workflow.execute_activity(step, 0, start_to_close_timeout=timedelta(seconds=30))

    @workflow.signal
    def vote(self, _vote: dict[str, Any]) -> None:
        """Open the gate."""
        self._open = True


async def serve(address: str) -> Worker:
    """Return a worker for the baseline, on defaults."""
    client = await Client.connect(address)
    return Worker(client, task_queue=QUEUE, workflows=[BareSteps, BareGate], activities=[step])

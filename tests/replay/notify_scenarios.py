"""A run that tells people of itself, and what tells them."""

from __future__ import annotations

from activities.contracts.notify.specs import (
    NOTIFICATION_WORKFLOW,
    QUEUE_NOTIFY,
    NotificationRequest,
)
from dsl.steps.notify import Happening, NotifyPlan
from tests.fixtures.engine import gate, stage
from tests.replay.studio import Handle, Studio, ended

TELLS = {"to": "hook", "when": ["gate-opened", "gate-decided", "ended"]}


async def tells(studio: Studio, name: str) -> Handle:
    """A run with ``notify``."""
    run = await studio.start(name, stage("look"), gate("asked", requires=["look"]), notify=[TELLS])
    await studio.vote(run, "asked", "approve", "ann")
    return run


async def told(studio: Studio, name: str) -> Handle:
    """What follows a run and tells of it, started here under an id that is known."""
    run = await studio.start("is-told-of", stage("look"), gate("asked", requires=["look"]))
    request = NotificationRequest(
        workflow=run.id,
        run=run.result_run_id or "",
        notify=(NotifyPlan(to="hook", when=(Happening.GATE_OPENED, Happening.ENDED)),),
    )
    telling = await studio.client.start_workflow(
        NOTIFICATION_WORKFLOW, request, id=name, task_queue=QUEUE_NOTIFY
    )
    await studio.vote(run, "asked", "approve", "ann")
    await ended(run)
    return telling


async def vouched(studio: Studio, name: str) -> Handle:
    """A vote that Slack vouches for: at a gate that takes its word, and at one that does not."""
    asked = {"approvers": ["group:sre"], "requires": ["look"]}
    run = await studio.start(
        name,
        stage("look"),
        gate("asked", **asked, identity=["slack"]),
        gate("proven", **asked, identity=["verified"]),
    )
    await studio.vouch(run, "asked", "approve", "ann")
    await studio.vouch(run, "proven", "approve", "ann")
    await studio.prove(run, "proven", "approve", "bob")
    return run


SCENARIOS = (tells, told, vouched)
RUNS = {"told": "notification/told"}

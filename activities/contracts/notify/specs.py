"""What ``Notification`` may ask for: a look at the run, and a message to one destination.

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field
from temporalio.common import RetryPolicy

from activities.contracts.specs import ActivitySpec
from dsl.core import Value
from dsl.limits import INPUTS_MAX, NOTIFY_MAX, NOTIFY_QUEUED_MAX, NOTIFY_WORDS_MAX
from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import RunSnapshot, Words
from dsl.rules.run import reserved
from dsl.steps.notify import NotifyPlan

QUEUE_NOTIFY: Final = "mandate-notify"
NOTIFICATION_WORKFLOW: Final = reserved.NOTIFICATION
KNOWN_MAX: Final = 20  # things that are kept of what was sent to one destination

_Kept = Annotated[str, Field(max_length=NOTIFY_WORDS_MAX)]
Known = Annotated[dict[_Kept, _Kept], Field(max_length=KNOWN_MAX)]


class Outgoing(Value):
    """One message: what has happened, or only that the run looks otherwise now."""

    event: Event | None = None
    run: RunSnapshot
    since_ms: int = 0  # when it was to be told first


class QueuedMessages(Value):
    """What waits for one destination, and what is kept of what was sent there."""

    known: Known = Field(default_factory=dict)
    waiting: tuple[Outgoing, ...] = Field(default=(), max_length=NOTIFY_QUEUED_MAX)
    has_board: bool = True  # until it says otherwise
    delivered: int = 0
    lost: int = 0
    tries: int = 0  # of the first that waits


class NotificationRequest(Value):
    """Which run to follow, and whom to tell of what."""

    workflow: str
    run: str
    notify: tuple[NotifyPlan, ...] = Field(max_length=NOTIFY_MAX)
    subject: dict[str, Words] = Field(default_factory=dict, max_length=INPUTS_MAX)
    # Of the workflow before, whose history was long.
    seen: RunSnapshot | None = None
    queues: dict[str, QueuedMessages] = Field(default_factory=dict, max_length=NOTIFY_MAX)
    cursor: str = ""


class ObserveRequest(Value):
    """The run that is followed, and how it looked last."""

    workflow: str
    run: str
    subject: dict[str, Words] = Field(default_factory=dict, max_length=INPUTS_MAX)
    seen: RunSnapshot | None = None
    cursor: str = ""


class Observed(Value):
    """How it looks now, which is otherwise."""

    now: RunSnapshot
    cursor: str = Field(default="", max_length=4_000)


class DeliverRequest(Value):
    """One message to one destination."""

    to: str
    message: Outgoing
    known: Known = Field(default_factory=dict)
    again: bool = False  # it may be there already


class Delivered(Value):
    """That it is there; what is to be known for the next."""

    known: Known = Field(default_factory=dict)
    has_board: bool = False  # it shows the run as it is now, and wants to hear of each change


observe = ActivitySpec(
    "notify.observe",
    ObserveRequest,
    Observed,
    queue=QUEUE_NOTIFY,
    timeout=timedelta(hours=12),  # a run that waits for somebody looks the same for as long
)
deliver = ActivitySpec(
    "notify.deliver",
    DeliverRequest,
    Delivered,
    queue=QUEUE_NOTIFY,
    timeout=timedelta(minutes=2),
    # Whoever is away for long is not asked every other second by every run that has ended.
    retry=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)

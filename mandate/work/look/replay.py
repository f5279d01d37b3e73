"""``mandate replay``: do histories still replay on the code at hand? The step before a deploy.

1. A history is what ``temporal workflow show -o json`` prints; ``--running`` takes those of the
   runs that are under way, which are the ones that a deploy would wedge.
2. Beside what Temporal compares, what was asked for is compared by its arguments.
3. The exit code is 1 when one history differs, else 2 when one cannot be read; each is said with
   its first difference, ``--json`` with all. A file that cannot be read keeps none behind it from
   being replayed.
4. A file with events left out, twice or out of order is no history, and is not replayed: in some
   the core would read no further, and never say so.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import ParseError
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Interceptor, Replayer

import mandate
from activities.contracts.specs import QUEUE
from activities.runtime.client import silent
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.door import enter, temporal
from mandate.people.errors import UsageError
from mandate.stack import environment
from mandate.terminal import ERROR_MAX, complain, note, say, say_json
from mandate.work.look.deep_replay import deep_replay

HISTORIES_MAX: Final = 1_000
HISTORY_BYTES_MAX: Final = 256 << 20
_UNDER_WAY: Final = f'TaskQueue="{QUEUE}" AND ExecutionStatus="Running"'
_BEGUN: Final = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
_AFTER_BEGUN: Final = (  # what a server writes behind it, or nothing yet
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
)
_NO_HISTORY: Final = (  # whatever else is in the file
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError),
    ParseError,
)
_BETWEEN_IDS: Final = "__"  # in names of files, where an id has a slash
_SUFFIX: Final = ".json"


def run(
    files: Sequence[Path],
    *,
    running: bool,
    query: str,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Replay, and say of each history whether it differs (3)."""
    env = environment.present(data_dir)
    return enter("replay", _run(files, env, running=running, query=query, as_json=as_json))


async def _run(
    files: Sequence[Path], env: Mapping[str, str], *, running: bool, query: str, as_json: bool
) -> int:
    if not files and not running:
        raise UsageError("name files of histories, or say --running")
    replayed = differing = 0
    unread: list[Path] = []
    quiet = silent()  # what it warns of is said below
    with ThreadPoolExecutor(1) as threads:  # a replayer ends none that it was given

        def replayer_with(recorder: Interceptor) -> Replayer:
            return Replayer(
                workflows=[],
                plugins=[mandate.plugin()],
                interceptors=[recorder],
                workflow_task_executor=threads,
                runtime=quiet,
            )

        for history in _read(files, unread):
            differing += _say(history, await deep_replay(history, replayer_with), as_json=as_json)
            replayed += 1
        if running:
            async for history in _under_way(env, query):
                found = await deep_replay(history, replayer_with)
                differing += _say(history, found, as_json=as_json)
                replayed += 1
    if not as_json:
        say(_summary(replayed, differing, len(unread)))
    if differing:
        return EXIT_FAILED
    return EXIT_USAGE if unread else 0


def _summary(replayed: int, differing: int, unread: int) -> Terminal:
    if not unread:
        return Terminal.of("{} histories replayed, {} differ", replayed, differing)
    return Terminal.of(
        "{} histories replayed, {} differ, {} cannot be read", replayed, differing, unread
    )


def _read(files: Sequence[Path], unread: list[Path]) -> Iterator[WorkflowHistory]:
    """Yield the histories in files, and say of each that goes to ``unread`` why it does (3)."""
    for file in files:
        try:
            yield read_history(file)
        except UsageError as error:
            complain(error, "mandate replay")
            unread.append(file)


def read_history(file: Path) -> WorkflowHistory:
    """Return the history in a file (1).

    Raises:
        UsageError: it is none.
    """
    try:
        if file.stat().st_size > HISTORY_BYTES_MAX:
            raise UsageError("{} has more than {} bytes", file, HISTORY_BYTES_MAX)
        text = file.read_text(encoding="utf-8")
        events = json.loads(text)["events"]
        history = WorkflowHistory.from_json(_id_of(events, file), text)
    except FileNotFoundError:
        raise _nothing_at(file) from None
    except OSError as error:
        raise UsageError("{}: {}", file, error.strerror or error) from None
    except _NO_HISTORY:
        raise UsageError(
            "{} is no history: make one with temporal workflow show -w ID -o json", file
        ) from None
    why = refuse_events(history)
    if why is not None:
        raise UsageError("{} is no whole history: {}", file, why)
    return history


def _nothing_at(file: Path) -> UsageError:
    """Return what is said where no file is: as likely as not, a run was named."""
    is_file = file.suffix == _SUFFIX
    run = _named(file) if is_file else str(file)
    into = str(file) if is_file else run.replace("/", _BETWEEN_IDS) + _SUFFIX
    line = Terminal.command("temporal workflow show -w {} -o json > {}", run, into)
    return UsageError("{}: expected a file with a history, and none is there: {}", file, line)


def refuse_events(history: WorkflowHistory) -> str | None:
    """Say why no server has written these events; the SDK's core would not come to an end (4)."""
    if not history.events:
        return "it has no events"
    if not history.events[0].HasField("workflow_execution_started_event_attributes"):
        return "its first event is not the start of a workflow"
    places = enumerate(zip(history.events, [*history.events[1:], None], strict=True), 1)
    return next(filter(None, (_refuse_event(place, *events) for place, events in places)), None)


def _refuse_event(place: int, event: HistoryEvent, behind: HistoryEvent | None) -> str | None:
    if event.event_id != place:
        return f"expected event {place} at place {place}, got event {event.event_id}"
    if event.event_type != _BEGUN or behind is None or behind.event_type in _AFTER_BEGUN:
        return None
    name = EventType.Name(behind.event_type).removeprefix("EVENT_TYPE_")
    return f"expected how the workflow task of event {place} ended at place {place + 1}, got {name}"


def _id_of(events: Sequence[Mapping[str, Any]], file: Path) -> str:
    """Return whose history it is: as it says itself, or as its file is named."""
    started = events[0].get("workflowExecutionStartedEventAttributes") or {}
    return started.get("workflowId") or _named(file)


def _named(file: Path) -> str:
    return file.stem.replace(_BETWEEN_IDS, "/")


async def _under_way(env: Mapping[str, str], query: str) -> AsyncIterator[WorkflowHistory]:
    client = await temporal(env)
    wanted = f"({query}) AND {_UNDER_WAY}" if query else _UNDER_WAY
    count = 0
    async for each in client.list_workflows(wanted):
        if count == HISTORIES_MAX:
            note(Terminal.of("the first {} runs were looked at: narrow it by --query", count))
            return
        count += 1
        yield await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()


def _say(history: WorkflowHistory, found: Sequence[str], *, as_json: bool) -> bool:
    if as_json:
        say_json(
            {
                "workflow": history.workflow_id,
                "run": history.run_id,
                "events": len(history.events),
                "ok": not found,
                "differences": list(found),
            }
        )
    elif found:
        first = Terminal.of("{}", found[0], limit=ERROR_MAX)
        say(Terminal.of("DIFFERS  {}: {}", history.workflow_id, first))
    else:
        say(Terminal.of("ok       {}, {} events", history.workflow_id, len(history.events)))
    return bool(found)

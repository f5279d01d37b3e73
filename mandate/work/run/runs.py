"""``mandate runs``: the runs there are, what each is doing, and for whom it waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dsl.shown.surfaces import Terminal
from mandate.columns import columns
from mandate.people.door import enter, temporal
from mandate.people.runs import Run, asked, doing_words, look
from mandate.people.void import void_words
from mandate.stack import environment
from mandate.terminal import note, say, say_json

_HEAD: Final = ("RUN", "PIPELINE", "STATUS", "STARTED", "ENDED", "WAITING FOR")


def run(*, limit: int, as_json: bool, data_dir: Path | None) -> int:
    """Print the newest ``limit`` runs; none is no failure."""
    return enter("runs", _runs(environment.present(data_dir), limit, as_json=as_json))


async def _runs(env: Mapping[str, str], limit: int, *, as_json: bool) -> int:
    found = await look(await temporal(env), limit=limit)
    if as_json:
        for each in found.runs:
            say_json(_record(each))
    elif found.runs:
        say(*columns([_HEAD, *map(_row, found.runs)]))
    else:
        say(Terminal("there is no run yet; start one: mandate run PIPELINE"))
    if not found.complete:
        note(Terminal.of("there are more: these are the newest {}; see --limit", limit))
    return 0


def _row(found: Run) -> tuple[str, ...]:
    waiting = Terminal.joined("; ", map(asked, found.waiting))
    doing = Terminal.of("at work: {}", doing_words(found.doing)) if found.doing else Terminal()
    now = [each for each in (waiting or doing, void_words(found.void)) if each]
    return (
        found.workflow,
        found.pipeline or found.type,
        found.status,
        _moment(found.started),
        _moment(found.ended) or "-",
        Terminal.joined("; ", now),
    )


def _record(found: Run) -> dict[str, Any]:
    return {
        "run": found.workflow,
        "run_id": found.run,
        "type": found.type,
        "pipeline": found.pipeline,
        "status": found.status,
        "started": _moment(found.started),
        "ended": _moment(found.ended),
        "waiting_for": list(found.waiting),
        "at_work": list(found.doing),
        "void_messages": list(found.void.messages),
        "void_messages_dropped": found.void.dropped,
    }


def _moment(moment: datetime | None) -> str:
    """Return a time as people and programs read it."""
    if moment is None:
        return ""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"

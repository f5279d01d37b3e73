"""``mandate artifact``: what the stages of a run have put out, to be read before it is approved.

1. What is read is looked for by the digest that the run's history has, and hashed: other bytes are
   never shown.
2. At a terminal each line goes through ``dsl.shown.surfaces``, behind a margin,
   ``SHOWN_LINES_MAX`` of them at most. The bytes as they are go to a file that is made for them,
   or to a pipe.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.contracts.specs import AGENT_WORKFLOW
from activities.runtime.engine import NO_SUCH_RUN
from dsl.shown.surfaces import Terminal
from integrations.artifacts.heads import as_text
from integrations.artifacts.store import Artifacts
from integrations.errors import NotFoundError
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, UsageError
from mandate.people.gates.contents import store
from mandate.people.outputs import Put, StageOutputs, outputs_of
from mandate.stack import environment
from mandate.terminal import note, say, say_bytes, say_json

SHOWN_LINES_MAX: Final = 5_000
STAGES_LISTED_MAX: Final = 1_000


def show(place: str, name: str, *, raw: bool, out: Path | None, data_dir: Path | None) -> int:
    """Print one output, or write its bytes; return the exit code."""
    return enter("artifact show", _show(place, name, environment.present(data_dir), raw, out))


def list_(run: str, *, as_json: bool, data_dir: Path | None) -> int:
    """Print what the stages of a run have put out; return the exit code."""
    return enter("artifact list", _list(run, environment.present(data_dir), as_json=as_json))


async def _show(
    place: str,
    name: str,
    env: Mapping[str, str],
    raw: bool,  # noqa: FBT001 - handed on
    out: Path | None,
) -> int:
    if raw and out is None and sys.stdout.isatty():
        raise UsageError("--raw writes bytes as they are: send them to a pipe, or give --out FILE")
    client = await temporal(env)
    found = await outputs_of(client, place)
    output = found.find(name)
    data = _bytes(store(env), output)
    if out is not None:
        _write(out, data)
        note(Terminal.of("{}: {:,} bytes  {}", out, len(data), output.digest))
    elif raw:
        say_bytes(data)
    else:
        note(_named(found.stage, output, len(data)))
        _print(data)
    return 0


def _bytes(artifacts: Artifacts, output: Put) -> bytes:
    try:
        return artifacts.get(output.digest)  # (1)
    except NotFoundError:
        raise RefusalError(
            "{} is not in the artefact store of this machine: set MANDATE_ARTIFACTS to where the "
            "workers keep it",
            output.digest,
        ) from None


def _write(out: Path, data: bytes) -> None:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise RefusalError("{} is not written: {}", out, error.strerror) from None


def _print(data: bytes) -> None:
    text = as_text(data)
    if text is None:
        raise RefusalError("it is no text: add --out FILE to have its bytes")
    lines = text.removesuffix("\n").split("\n")
    say(*Terminal.excerpt(lines[:SHOWN_LINES_MAX]))  # (2)
    if len(lines) > SHOWN_LINES_MAX:
        more = len(lines) - SHOWN_LINES_MAX
        note(Terminal.of("and {:,} more lines: add --out FILE, or --raw to a pipe", more))


async def _list(run: str, env: Mapping[str, str], *, as_json: bool) -> int:
    client = await temporal(env)
    found = False
    async for stage in _stages(client, run):
        for each in stage.outputs:
            found = True
            if as_json:
                told = each.model_dump(mode="json")
                say_json({"run": stage.run, "stage": stage.stage, **told})
            else:
                say(_named(stage.stage, each, each.size))
    if not found and not as_json:
        note(Terminal.of("no stage of {!r} has put anything out", run))
    return 0


async def _stages(client: Client, run: str) -> AsyncIterator[StageOutputs]:
    """Yield the stages of a run that have begun, as the server's history names them."""
    handle = client.get_workflow_handle(run)
    places: dict[str, None] = {}
    try:
        async for event in handle.fetch_history_events(skip_archival=True):
            if event.HasField("child_workflow_execution_started_event_attributes"):
                child = event.child_workflow_execution_started_event_attributes
                if child.workflow_type.name == AGENT_WORKFLOW:
                    places[child.workflow_execution.workflow_id] = None
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            raise RefusalError("there is no run {!r}; see: mandate gates", run) from None
        raise
    for place in islice(places, STAGES_LISTED_MAX):
        yield await outputs_of(client, place)


def _named(stage: str, output: Put, size: int) -> Terminal:
    return Terminal.of(
        "{}: {}  {}, {:,} bytes  {}", stage, output.name, output.media_type, size, output.digest
    )

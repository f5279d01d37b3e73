"""What stages have put out, as their history says: names, kinds, sizes and digests.

1. ``RUN/STAGE`` is the workflow id of a stage of an agent. That it is a stage of that run is the
   server's word: the run has started it.
2. A stage that is over has its outputs in its result, which takes no worker to read. One that is
   under way is asked, and so is one that was cancelled or terminated, which has none.
3. What is not of the expected shape is no answer. Of one name the last output counts, as it does in
   what is signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.rules.run.reserved import AGENT
from dsl.values.canonical import DIGEST_PATTERN
from integrations.artifacts.store import Artifacts
from integrations.errors import NotFoundError
from mandate.people.errors import NotThereError, RefusalError, no_run

ANSWER: Final = timedelta(seconds=10)
STAGES_LISTED_MAX: Final = 1_000


class Put(BaseModel):
    """One output, as history says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    digest: str = Field(pattern=DIGEST_PATTERN)
    phase: str = ""
    media_type: str = ""
    size: StrictInt = 0


class _Told(BaseModel):
    outputs: tuple[Put, ...]


@dataclass(frozen=True, slots=True)
class StageOutputs:
    """What one stage has put out."""

    run: str
    stage: str
    outputs: tuple[Put, ...]

    def find(self, name: str) -> Put:
        """Return the output of that name.

        Raises:
            NotThereError: there is none.
        """
        for each in self.outputs:
            if each.name == name:
                return each
        raise NotThereError(
            "stage {!r} of {!r} has no output {!r}; it has: {}",
            *(self.stage, self.run, name),
            ", ".join(each.name for each in self.outputs) or "none",
        )


async def outputs_of(client: Client, place: str) -> StageOutputs:
    """Return what the stage ``RUN/STAGE`` has put out.

    Raises:
        NotThereError: it is no stage.
        RefusalError: it does not say.
        temporalio.service.RPCError: the server does not answer.
    """
    try:
        found = await described(client, place)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            raise NotThereError(
                "there is no stage {!r}: expected RUN/STAGE, the workflow id of a run and the path "
                "of a stage of an agent that has begun",
                place,
                typed="see: mandate artifact list RUN",
            ) from None
        raise
    run = found.parent_execution.workflow_id
    stage = place.removeprefix(f"{run}/")
    if found.type.name != AGENT or not run or stage == place:  # (1) in the server's words
        raise NotThereError(
            "{!r} is a workflow of type {}, and no stage of a run: expected RUN/STAGE",
            *(place, found.type.name),
        )
    handle = client.get_workflow_handle(place, run_id=found.execution.run_id)
    is_over = found.HasField("close_time")
    said = await report_of(handle) if is_over else None
    said = said or await _status(handle)
    return StageOutputs(run, stage, latest(_read(said, place)))


async def stages_of(client: Client, place: str) -> AsyncIterator[StageOutputs]:
    """Yield the stages of a run that have begun, as its history names them; or the one stage.

    Raises:
        NotThereError: there is no such run or stage.
        RefusalError: it does not say.
        temporalio.service.RPCError: the server does not answer.
    """
    try:
        found = await described(client, place)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            raise no_run(client, place, "run or stage") from None
        raise
    if found.type.name == AGENT:
        yield await outputs_of(client, place)
        return
    places: dict[str, None] = {}
    handle = client.get_workflow_handle(place, run_id=found.execution.run_id)
    async for event in handle.fetch_history_events(skip_archival=True):
        if event.HasField("child_workflow_execution_started_event_attributes"):
            child = event.child_workflow_execution_started_event_attributes
            if child.workflow_type.name == AGENT:
                places[child.workflow_execution.workflow_id] = None
    for each in islice(places, STAGES_LISTED_MAX):
        yield await outputs_of(client, each)


async def report_of(handle: WorkflowHandle[Any, Any]) -> Any:
    """Return the report that a run or a stage which is over ended with (2), also in failure."""
    try:
        return await handle.result(rpc_timeout=ANSWER)
    except WorkflowFailureError as failure:
        cause = failure.cause
        details = cause.details if isinstance(cause, ApplicationError) else ()
        return details[0] if details else {}


async def _status(handle: WorkflowHandle[Any, Any]) -> Any:
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            return await handle.query("status", rpc_timeout=ANSWER)
    except (RPCError, TimeoutError):
        raise RefusalError(
            "{!r} has no result and did not answer within {:g} s: is its worker running?",
            *(handle.id, ANSWER.total_seconds()),
        ) from None


def _read(said: Any, place: str) -> Iterable[Put]:
    told = said.get("outputs", ()) if isinstance(said, dict) else ()
    try:
        return _Told(outputs=told).outputs
    except ValidationError:
        raise RefusalError("what {!r} says of its outputs cannot be read", place) from None


def latest(outputs: Iterable[Put]) -> tuple[Put, ...]:
    """Return of outputs of one name the last; in the order in which the names came."""
    return tuple({each.name: each for each in outputs}.values())


def read_output(artifacts: Artifacts, output: Put) -> bytes:
    """Return the bytes of an output, by its digest.

    Raises:
        NotThereError: they are not in the store of this machine.
    """
    try:
        return artifacts.get(output.digest)  # hashed as it is read
    except NotFoundError:
        raise NotThereError(
            "{} is not in the artefact store of this machine: set MANDATE_ARTIFACTS to where the "
            "workers keep it",
            output.digest,
        ) from None

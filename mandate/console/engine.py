"""How who serves requests reaches runs: ``RunEngine``, by a client of Temporal.

1. A run is ours as ``mandate.people.runs`` says it: on the engine's queue, and no holder of an id
   that is for something else. Of anything else nothing is told.
2. Asking a run changes nothing: it is asked while the server says what it is, and its answer is
   only told where it is ours.
3. What the server says is put into the words of ``integrations.errors``; nothing else gets out.
4. What is started has an id of its own: as long as the server knows a run of it, there is no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.specs import QUEUE
from dsl.catalogue import UnknownPipelineError
from dsl.compiler import Compiled
from dsl.errors import DslError
from dsl.inputs import InputsError, resolve_inputs
from integrations.errors import (
    ConflictError,
    DeniedError,
    IntegrationError,
    NotFoundError,
    UnavailableError,
)
from integrations.web.engine import KnownRun
from mandate.people.errors import RefusalError
from mandate.people.runs import described_run, existing, listed, under_way, word_of
from mandate.unanswered import words_of
from workflows.runtime.attributes import GATES, STATUS

ANSWER: Final = timedelta(seconds=8)  # less than a hook has
_WORDS: Final[dict[type[BaseException], type[IntegrationError]]] = {
    RefusalError: NotFoundError,
    UnknownPipelineError: NotFoundError,
    InputsError: DeniedError,
    DslError: DeniedError,
    WorkflowAlreadyStartedError: ConflictError,
    WorkflowUpdateFailedError: DeniedError,
    WorkflowQueryFailedError: DeniedError,
    WorkflowQueryRejectedError: DeniedError,
    WorkflowUpdateRPCTimeoutOrCancelledError: UnavailableError,
    TimeoutError: UnavailableError,
}
_GONE: Final = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)


class TemporalEngine:
    """See ``integrations.web.engine.RunEngine``."""

    def __init__(self, client: Client, compile_named: Callable[[str], Compiled]) -> None:
        """Reach runs by ``client``, and pipelines by what compiles them by name."""
        self._client = client
        self._compile = compile_named

    async def list(
        self,
        *,
        running: bool = False,
        limit: int = 200,
        before: datetime | None = None,
        prefix: str = "",
    ) -> Sequence[KnownRun]:
        """See the protocol."""
        with _ours():
            found = await listed(
                self._client, limit=limit, running=running, before=before, prefix=prefix
            )
        return [_known(each) for each in found]

    async def describe(self, run: str) -> KnownRun:
        """See the protocol."""
        with _ours():
            return _known(await described_run(self._client, run))

    async def query(self, run: str, name: str, *arguments: Any) -> Any:
        """See the protocol."""
        handle = self._client.get_workflow_handle(run)
        with _ours():
            async with asyncio.timeout(ANSWER.total_seconds()):
                asked = asyncio.ensure_future(
                    handle.query(name, args=arguments, rpc_timeout=ANSWER)
                )
                try:
                    await existing(self._client, run)  # (2) meanwhile
                    return await asked
                finally:
                    asked.cancel()
                    await asyncio.gather(asked, return_exceptions=True)

    async def update(self, run: str, name: str, argument: Any, *, update_id: str) -> Any:
        """See the protocol."""
        with _ours():
            handle = await under_way(self._client, run)
            async with asyncio.timeout(ANSWER.total_seconds()):
                return await handle.execute_update(name, argument, id=update_id, rpc_timeout=ANSWER)

    async def answered(self, run: str, *, update_id: str) -> Any:
        """See the protocol."""
        with _ours():
            handle = await existing(self._client, run)
            async with asyncio.timeout(ANSWER.total_seconds()):
                return await handle.get_update_handle(update_id).result(rpc_timeout=ANSWER)

    async def cancel(self, run: str) -> None:
        """See the protocol."""
        with _ours():
            handle = await under_way(self._client, run)
            await handle.cancel(rpc_timeout=ANSWER)

    async def start(
        self,
        pipeline: str,
        inputs: Mapping[str, Any],
        *,
        run: str,
    ) -> KnownRun:
        """See the protocol."""
        with _ours():
            plan = (await asyncio.to_thread(self._compile, pipeline)).plan
            resolve_inputs(plan, inputs)  # here, where whoever asks learns what is wrong
            handle = await self._client.start_workflow(
                plan.name,
                dict(inputs),
                id=run,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,  # (4) also once it is over
                task_queue=QUEUE,
                rpc_timeout=ANSWER,
            )
        return KnownRun(run, handle.first_execution_run_id or "", plan.name, "running")


@contextmanager
def _ours() -> Iterator[None]:
    """Put what fails into the words of adapters (3)."""
    try:
        yield
    except RPCError as error:
        what = f"temporal: {words_of(error)}"
        raise (NotFoundError if error.status in _GONE else UnavailableError)(what) from None
    except tuple(_WORDS) as error:
        kind = next(_WORDS[each] for each in type(error).__mro__ if each in _WORDS)
        raise kind(_said(error)) from None


def _said(error: BaseException) -> str:
    if isinstance(error, RefusalError):
        return str(error.sentence)  # what is typed at a terminal is of no use at this door
    if isinstance(error, WorkflowUpdateFailedError):
        return str(error.cause)
    if isinstance(error, WorkflowAlreadyStartedError):
        return f"there is a run {error.workflow_id!r} already"
    if isinstance(error, TimeoutError | WorkflowUpdateRPCTimeoutOrCancelledError):
        return f"no answer within {ANSWER.total_seconds():g} s: is a worker running?"
    return str(error)


def _known(found: WorkflowExecution) -> KnownRun:
    return KnownRun(
        *(found.id, found.run_id, found.workflow_type, word_of(found)),
        *(found.start_time, found.close_time),
        told=str(found.typed_search_attributes.get(STATUS) or ""),
        gates=tuple(found.typed_search_attributes.get(GATES) or ()),
    )

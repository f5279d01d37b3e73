"""No message wedges a run: what a handler or the start cannot take becomes a clean outcome.

1. A signal whose handler raises is reported to the workflow, which shows it in ``status``.
   Left alone, the exception would fail the workflow task for ever.
   An update whose handler raises fails for its sender, and for nobody else. What raised it is a
   line for the sender where it was meant; a bug is logged as well, for it stops nobody.
2. A start with a number of inputs that no workflow here takes ends the run at once. A message with
   more than one is refused as a whole: nothing of it counts, and no sender is told of methods.
3. What is called by an id of the engine's own and is not what that id is for ends at once: it
   would stand where people look for something else.
4. This holds for the engine's workflows only. A worker with the plugin may have others, which
   keep what the SDK gives them.
5. How a workflow ends that ends as it is meant to is one line in its worker's log, see
   ``activities.runtime.failure_log``.
6. The page of a run is drawn when somebody looks at it. Drawn on every move, it made a run of a
   thousand stages compute for longer than the SDK lets a workflow task take (docs/adr/0018).
"""

from __future__ import annotations

from typing import Any, Final, Protocol, runtime_checkable

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

with workflow.unsafe.imports_passed_through():
    from activities.contracts import question_specs, specs, tool_specs, trust_specs
    from activities.contracts.anchor_specs import LEDGER_ANCHOR_WORKFLOW
    from activities.contracts.attestation_specs import ATTESTATION_WORKFLOW, RECONCILE_WORKFLOW
    from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
    from activities.contracts.meant import WHERE, BugError, MeantError
    from dsl.rules.run.reserved import refuse_reserved
    from dsl.shown.surfaces import Markdown
    from dsl.values.sizes import sentence
    from workflows.messages.inputs import MessageError
    from workflows.runtime import failures

_ABOUT_ONE: Final = (
    "gates",
    "checkpoints",
    question_specs.QUESTIONS,
    tool_specs.DECISIONS,
)  # queries with an input
_REFUSED: Final = "Refused"


@runtime_checkable
class TakesBadMessages(Protocol):
    """A workflow that can be told of a message its handler refused."""

    def on_bad_message(self, name: str, why: str) -> None:
        """Remember that message ``name`` was refused, and why."""


@runtime_checkable
class ShowsPage(Protocol):
    """A workflow that draws its current details itself."""

    def page(self) -> Markdown:
        """Return them, in Markdown."""


class _Guard(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002  # the SDK's name
        if not _is_ours():
            return await super().execute_workflow(input)
        try:
            if len(input.args) > 1:  # (2) more inputs than any workflow takes
                raise failures.invalid(f"expected one input, got {len(input.args)}")
            refusal = refuse_reserved(workflow.info().workflow_id, workflow.info().workflow_type)
            if refusal is not None:  # (3) an id that is not for this
                raise failures.invalid(refusal)
            return await super().execute_workflow(input)
        except MeantError as error:  # (5) a meant end is one line
            workflow.logger.info("it ends", exc_info=error, extra=_where())
            raise

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002  # the SDK's name
        instance = workflow.instance()
        if not isinstance(instance, TakesBadMessages):  # (4) the engine's workflows only
            await super().handle_signal(input)
            return
        is_known = workflow.get_signal_handler(input.signal) is not None  # others come as a list
        if len(input.args) > 1 and is_known:  # (2) refused as a whole
            instance.on_bad_message(input.signal, _one_input(len(input.args)))
            return
        try:
            await super().handle_signal(input)
        except Exception as error:  # noqa: BLE001  # (1): whatever it is, the run goes on
            instance.on_bad_message(input.signal, _told(error).message)

    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002  # the SDK's name
        most, words = (1, "one input") if input.query in _ABOUT_ONE else (0, "no input")
        if len(input.args) > most and _is_ours():  # (2) ends the run at once
            got = f"{input.query!r} takes {words}, got {len(input.args)}"
            raise MeantError(got, type=_REFUSED)
        try:
            answer = await super().handle_query(input)
        except MessageError as error:
            raise MeantError(str(error), type=_REFUSED) from None
        instance = workflow.instance()
        # (6) drawn when somebody looks
        if isinstance(answer, WorkflowMetadata) and isinstance(instance, ShowsPage):
            answer.current_details = instance.page()
        return answer

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002  # the SDK's name
        # (2) refused as a whole
        if len(input.args) > 1 and isinstance(workflow.instance(), TakesBadMessages):
            raise MeantError(_one_input(len(input.args)), type=_REFUSED)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002  # the SDK's name
        if not isinstance(workflow.instance(), TakesBadMessages):  # (4) the engine's workflows only
            return await super().handle_update_handler(input)
        try:
            return await super().handle_update_handler(input)
        except ApplicationError:
            raise
        except Exception as error:  # noqa: BLE001  # (1) left alone, it wedges the run
            raise _told(error) from None


def _told(error: Exception) -> FailureError:
    """Return what the sender of a message is told that raised ``error`` (1)."""
    match error:
        case ActivityError():
            return MeantError(failures.cause_of(error)[1], type=_REFUSED)
        case FailureError():
            return error
        case MessageError():
            return MeantError(sentence(str(error)), type=_REFUSED)
    words = sentence(f"{type(error).__name__}: {error}")
    bug = BugError(words, error, non_retryable=True)
    workflow.logger.error("a message was not handled", exc_info=bug, extra=_where())
    return bug


def _where() -> dict[str, str]:
    """Return whose failure it is, as a log's record has it (5)."""
    info = workflow.info()
    if info.parent is None or info.workflow_type != specs.AGENT_WORKFLOW:
        return {WHERE: f"run {info.workflow_id}"}
    run = info.parent.workflow_id
    return {WHERE: f"run {run}, stage {info.workflow_id.removeprefix(f'{run}/')}"}


def _one_input(got: int) -> str:
    return f"expected one input, got {got}: put everything into one JSON"


def _is_ours() -> bool:
    """Tell our workflows by what they can do and are called (4).

    Not by class: the SDK's sandbox makes classes of its own.
    """
    return isinstance(workflow.instance(), TakesBadMessages) or workflow.info().workflow_type in (
        specs.AGENT_WORKFLOW,
        specs.REGISTRATION_WORKFLOW,
        trust_specs.REBINDING_WORKFLOW,
        trust_specs.SWEEP_WORKFLOW,
        CIRCUIT_WORKFLOW,
        specs.REVIEW_OUTCOME_WORKFLOW,
        specs.REVIEW_AGAIN_WORKFLOW,
        LEDGER_ANCHOR_WORKFLOW,
        ATTESTATION_WORKFLOW,
        RECONCILE_WORKFLOW,
    )


class MessageGuard(Interceptor):
    """Installs the guard on every workflow of the worker."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  # the SDK's names
    ) -> type[WorkflowInboundInterceptor]:
        """Return the guard."""
        return _Guard

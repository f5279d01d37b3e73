"""No message wedges a run: what a handler or the start cannot take becomes a clean outcome.

1. A signal whose handler raises is reported to the workflow, which shows it in ``status``.
   Left alone, the exception would fail the workflow task for ever.
   An update whose handler raises fails for its sender, and for nobody else.
2. A start with a number of inputs that no workflow here takes ends the run at once. A message with
   more than one is refused as a whole: nothing of it counts, and no sender is told of methods.
3. What is called by an id of the engine's own and is not what that id is for ends at once: it
   would stand where people look for something else.
4. This holds for the engine's workflows only. A worker with the plugin may have others, which
   keep what the SDK gives them.
5. The page of a run is drawn when somebody looks at it. Drawn on every move, it made a run of a
   thousand stages compute for longer than the SDK lets a workflow task take (docs/adr/0018).
"""

from __future__ import annotations

from typing import Any, Final, Protocol, runtime_checkable

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.exceptions import ApplicationError
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
    from activities import contracts, trust_contracts
    from dsl.rules.reserved import refuse_reserved
    from dsl.surfaces import Markdown
    from workflows import failures

_GATES: Final = "gates"  # the query that may be about one


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
        if _is_ours():
            if len(input.args) > 1:  # (2)
                raise failures.invalid(f"expected one input, got {len(input.args)}")
            refusal = refuse_reserved(workflow.info().workflow_id, workflow.info().workflow_type)
            if refusal is not None:  # (3)
                raise failures.invalid(refusal)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002  # the SDK's name
        instance = workflow.instance()
        if not isinstance(instance, TakesBadMessages):  # (4)
            await super().handle_signal(input)
            return
        is_known = workflow.get_signal_handler(input.signal) is not None  # others come as a list
        if len(input.args) > 1 and is_known:  # (2)
            instance.on_bad_message(input.signal, _one_input(len(input.args)))
            return
        try:
            await super().handle_signal(input)
        except Exception as error:  # noqa: BLE001  # (1): whatever it is, the run goes on
            instance.on_bad_message(input.signal, str(error))

    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002  # the SDK's name
        most, words = (1, "one input") if input.query == _GATES else (0, "no input")
        if len(input.args) > most and _is_ours():  # (2)
            raise ApplicationError(f"{input.query!r} takes {words}, got {len(input.args)}")
        answer = await super().handle_query(input)
        instance = workflow.instance()
        if isinstance(answer, WorkflowMetadata) and isinstance(instance, ShowsPage):  # (5)
            answer.current_details = instance.page()
        return answer

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002  # the SDK's name
        if len(input.args) > 1 and isinstance(workflow.instance(), TakesBadMessages):  # (2)
            raise ApplicationError(_one_input(len(input.args)), type="Refused", non_retryable=True)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002  # the SDK's name
        if not isinstance(workflow.instance(), TakesBadMessages):  # (4)
            return await super().handle_update_handler(input)
        try:
            return await super().handle_update_handler(input)
        except ApplicationError:
            raise
        except Exception as error:  # noqa: BLE001  # (1)
            raise ApplicationError(str(error), type="Refused", non_retryable=True) from None


def _one_input(got: int) -> str:
    return f"expected one input, got {got}: put everything into one JSON"


def _is_ours() -> bool:
    """Tell our workflows by what they can do and are called (4).

    Not by class: the SDK's sandbox makes classes of its own.
    """
    return isinstance(workflow.instance(), TakesBadMessages) or workflow.info().workflow_type in (
        contracts.AGENT_WORKFLOW,
        contracts.REGISTRATION_WORKFLOW,
        trust_contracts.REBINDING_WORKFLOW,
        trust_contracts.SWEEP_WORKFLOW,
    )


class MessageGuard(Interceptor):
    """Installs the guard on every workflow of the worker."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  # the SDK's names
    ) -> type[WorkflowInboundInterceptor]:
        """Return the guard."""
        return _Guard

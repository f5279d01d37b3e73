"""Who plays the people of a scenario: starts runs, answers gates, breaks things, waits."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from activities.contracts.specs import QUEUE_TRUST
from dsl.core import Tier
from dsl.rules.proofs.proof import VOUCHED, Proof, encode
from dsl.values.canonical import canonical
from integrations.doors.key import DoorKey
from integrations.settings import Settings
from integrations.vault.client import Vault
from integrations.vault.identity.brake import Brake
from integrations.vault.identity.registry import Registrar
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login
from integrations.vault.naming import PROMOTER, REVOKER
from integrations.vault.people.person import Person, log_in
from mandate.stack.people import PEOPLE_FILE
from tests.fixtures.hostile.leaks import Leaks
from tests.fixtures.slow_folder import SlowFolder
from tests.fixtures.voting import Signer, honest_vote, matter_of, seal, vote_of

Handle = WorkflowHandle[Any, Any]
WAIT_S: Final = 60.0
POLL_S: Final = 0.05
EXECUTE: Final = "agent.execute"
BEGUN_EVENTS: Final = 4  # of a workflow whose first task is done


class Studio:
    """A running stack, seen by somebody who plays the people of a scenario."""

    def __init__(self, client: Client, settings: Settings, workspace: Path) -> None:
        self.client = client
        self.address = settings.temporal
        self._settings = settings
        self._workspace = workspace
        self._vault = Vault(settings.vault_url)

    async def start(self, name: str, *stages: dict[str, Any], **fields: Any) -> Handle:
        """Start an inline pipeline as the run ``name``."""
        document = {"name": name, "version": "1", "stages": list(stages), **fields}
        return await self.start_type(name, "Pipeline", {"definition": document})

    async def start_type(
        self, name: str, workflow_type: str, value: Any, memo: dict[str, Any] | None = None
    ) -> Handle:
        return await self.client.start_workflow(
            workflow_type, value, id=name, task_queue="mandate", static_summary=name, memo=memo
        )

    async def vote(self, run: Handle, path: str, decision: str, voter: str = "ann") -> None:
        """Wait until the gate is open, then vote by signal."""
        await self.until_open(run, path)
        vote = {"gate": path, "decision": decision, "voter": voter, "reason": "seen"}
        await run.signal("vote", vote)

    async def prove(self, run: Handle, path: str, decision: str, name: str) -> None:
        """Wait until the gate is open, then vote by update, with a proof of a demo login."""
        await self.until_open(run, path)
        who = await self.person(name)
        await run.execute_update(
            "vote", await honest_vote(run, path, who, decision, because="seen")
        )

    async def vouch(self, run: Handle, path: str, decision: str, name: str) -> None:
        """Vote as the account of somebody at Slack, by whoever serves that door."""
        await self.until_open(run, path)
        who, about = await self.person(name), await matter_of(run, path, decision)
        assert self._settings.door_key_file is not None
        about |= {"door": "slack", "account": f"U0{name.upper()}"}
        statement = seal(about, who.entity, purpose=VOUCHED)
        signature = DoorKey(self._settings.door_key_file).sign(canonical(statement).encode())
        word = encode(Proof(statement, signature))
        await run.execute_update("vote", vote_of(path, "slack", decision, proof=word))

    async def raise_agent(self, agent: str, binding: Mapping[str, str]) -> None:
        """Have an agent hold T3, as if people had consented."""
        logins = [
            Login(self._vault, self._settings.vault_roles, n) for n in (QUEUE_TRUST, PROMOTER)
        ]
        known = await Registrar(self._vault, logins[0]).register(
            agent, initial_tier=Tier.T2, binding=binding
        )
        changes = TierChanges(self._vault, logins[1])
        await changes.promote(agent, known.entity_id, Tier.T2, Tier.T3, 1)
        for login in logins:
            await login.aclose()

    async def disable(self, agent: str) -> None:
        """Disable an agent in Vault, as its revocation does."""
        login = Login(self._vault, self._settings.vault_roles, REVOKER)
        await Brake(self._vault, login).disable(agent)
        await login.aclose()

    async def person(self, name: str) -> Signer:
        """Log one of the demo people in."""
        passwords = json.loads((self._settings.ledger.parent / PEOPLE_FILE).read_text())
        login = await log_in(self._vault, name, passwords[name])
        return Signer(name, login.entity, Person(self._vault, login.token))

    async def until_open(self, run: Handle, path: str, approver: str | None = None) -> None:
        """Wait until a gate asks, where it matters until it asks ``approver``."""

        async def is_open() -> bool:
            return any(
                each["gate"] == path and approver in (None, *each["approvers"])
                for each in await run.query("gates")
            )

        await _until(is_open)

    async def until_asked(self, run: Handle, path: str) -> None:
        """Wait until Vault has been asked for what waits behind a gate."""

        async def is_asked() -> bool:
            return any(
                each["gate"] == path and each["vault"]["state"] not in ("none", "asking")
                for each in await run.query("gates")
            )

        await _until(is_asked)

    async def until_executing(self, run: Handle, path: str) -> None:
        """Wait until the agent of a stage is at work."""
        child = self.client.get_workflow_handle(f"{run.id}/{path}")
        await _until(lambda: self._executes(child))

    async def until_body_works(self, run: Handle, path: str) -> None:
        """Wait until the workflow that does a stage's work has been begun by its worker."""
        body = self.client.get_workflow_handle(f"{run.id}/{path}/EXECUTE")

        async def works() -> bool:
            try:
                described = (await body.describe()).raw_description
            except RPCError:  # it is not there yet
                return False
            return described.workflow_execution_info.history_length >= BEGUN_EVENTS

        await _until(works)

    async def until_said(self, run: Handle, path: str, words: str) -> None:
        """Wait until a stage says so of itself."""

        async def is_said() -> bool:
            return words in (await run.query("status"))["stages"][path]["detail"]

        await _until(is_said)

    async def _executes(self, child: Handle) -> bool:
        try:
            described = await child.describe()
        except RPCError:  # it is not there yet
            return False
        return any(
            (each.activity_type.name, each.state)
            == (EXECUTE, PendingActivityState.PENDING_ACTIVITY_STATE_STARTED)
            for each in described.raw_description.pending_activities
        )

    @asynccontextmanager
    async def slow_folder(self, name: str) -> AsyncIterator[SlowFolder]:
        """Lend a folder that keeps an agent busy, and empty it in the end."""
        folder = SlowFolder(self._workspace / name)
        try:
            yield folder
        finally:
            folder.empty()

    async def empty_store(self) -> None:
        """Make Dragonfly forget everything."""
        file = self._settings.dragonfly_password_file
        password = file.read_text().strip() if file else None
        async with Redis.from_url(self._settings.dragonfly_url, password=password) as store:
            await store.flushall()

    async def leave_token(self, run: Handle) -> None:
        """Leave behind what an agent of ``run`` might have been given."""
        await Leaks(self._vault, self._settings.vault_roles).token(run=run.id)

    async def reset(self, run: Handle, before: str) -> Handle:
        """Repeat a run from the checkpoint before a stage; return the new run."""
        checkpoints = await run.query("checkpoints")
        (event,) = (each["event_id"] for each in checkpoints if each["before"] == before)
        return await self._reset(run, event)

    async def reset_here(self, run: Handle) -> Handle:
        """Repeat the last workflow task of a run, beside what is at work; return the new run."""
        history = await run.fetch_history()
        tasks = (
            e for e in history.events if e.HasField("workflow_task_completed_event_attributes")
        )
        return await self._reset(run, max(each.event_id for each in tasks))

    async def _reset(self, run: Handle, event: int) -> Handle:
        answer = await self.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=run.id),
                reason="once more",
                request_id=f"reset-{run.id}",
                workflow_task_finish_event_id=event,
                reset_reapply_exclude_types=[
                    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED
                ],
            )
        )
        return self.client.get_workflow_handle(run.id, run_id=answer.run_id)


async def ended(run: Handle) -> None:
    """Wait until a run has ended, however it did."""
    async with asyncio.timeout(WAIT_S):
        with contextlib.suppress(WorkflowFailureError):
            await run.result()


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await true():  # noqa: ASYNC110  # another process is asked
            await asyncio.sleep(POLL_S)

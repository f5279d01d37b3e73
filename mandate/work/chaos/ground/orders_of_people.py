"""What people can order in the midst of a run: an agent revoked, a circuit opened.

Both go the way they go for a person: a workflow of ours, and for a revocation the word of
somebody who is logged in at our own Vault.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any, Final

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
from activities.contracts.specs import QUEUE
from activities.contracts.trust_specs import REVOCATION_WORKFLOW
from dsl.rules.health.breaker import CircuitOrder, CircuitState
from dsl.rules.health.breaker_settings import BreakerSettings
from dsl.rules.proofs.proof import REVOKE, Proof, encode, reason_digest, statement_of
from dsl.rules.run.reserved import circuit_id, revocation_id
from integrations.chaos.fault import Fault, seen
from integrations.dragonfly.circuits import CircuitReport, Circuits
from integrations.dragonfly.guards import AgentGuards
from integrations.errors import UnavailableError
from integrations.vault.client import Vault
from integrations.vault.people.person import Person, log_in
from mandate.stack.people import passwords
from mandate.unanswered import words_of
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.ground.struck_run import StruckRun

REASON: Final = "an experiment of chaos"
WHO: Final = "ann"
SEEN_WITHIN_S: Final = 20.0
ANSWERED_WITHIN_S: Final = 60.0  # as long as a person waits
_TOKEN_BYTES: Final = 8
_NONCE_BYTES: Final = 16
_LIFE_S: Final = 300


class RevokedAgent(Fault):
    """The agent of a stage is revoked, by the word of somebody who is logged in."""

    def __init__(self, arena: ChaosArena, run: StruckRun, path: str) -> None:
        self._arena = arena
        self._run = run
        self._path = path
        self._agent = ""

    async def strike(self) -> None:
        """Start the revocation; nobody waits for its end."""
        agent = await self._run.agent_at(self._path)
        order = {"agent": agent, "reason": REASON, "proof": await _proof(self._arena, agent)}
        try:
            await self._arena.client.start_workflow(
                REVOCATION_WORKFLOW, order, id=revocation_id(agent), task_queue=QUEUE
            )
        except (RPCError, WorkflowAlreadyStartedError) as error:
            raise UnavailableError(f"{agent} cannot be revoked now: {words_of(error)}") from None
        self._agent = agent

    async def fired(self) -> bool:
        """Tell whether the guard says so."""

        async def is_revoked() -> bool:
            guard = await AgentGuards(self._arena.dragonfly).read(self._agent)
            return guard is not None and guard.revoked

        return bool(self._agent) and await seen(is_revoked, SEEN_WITHIN_S)


class OpenCircuit(Fault):
    """Somebody orders that nothing begins that needs a system; undone by resetting it."""

    def __init__(self, arena: ChaosArena, circuit: str) -> None:
        self._arena = arena
        self._circuit = circuit
        self._was_open = False
        self._ordered = False

    async def strike(self) -> None:
        """Order it, and wait until it was carried out."""
        self._ordered = True  # also where no answer comes: it may be carried out yet
        await self._order(CircuitOrder.OPEN)

    async def fired(self) -> bool:
        """Tell whether the circuit is open for everybody."""

        async def is_open() -> bool:
            asked = [CircuitReport(self._circuit, BreakerSettings())]
            (reading,) = await Circuits(self._arena.dragonfly).report(asked, limit_s=2.0)
            return reading.state is CircuitState.FORCED_OPEN

        self._was_open = self._was_open or await seen(is_open)
        return self._was_open

    async def undo(self) -> None:
        """Reset it, as somebody would."""
        if self._ordered:
            await self._order(CircuitOrder.RESET)
            self._ordered = False

    async def _order(self, what: CircuitOrder) -> None:
        message = {"circuit": self._circuit, "order": what.value, "reason": REASON, "by": WHO}
        name = circuit_id(self._circuit, secrets.token_hex(_TOKEN_BYTES))
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await self._arena.client.execute_workflow(
                    CIRCUIT_WORKFLOW, message, id=name, task_queue=QUEUE
                )
        except TimeoutError:
            raise UnavailableError(
                f"no answer to {what} within {ANSWERED_WITHIN_S:g} s, and {name} goes on"
            ) from None
        except WorkflowFailureError as failure:
            raise UnavailableError(f"{what} was refused: {failure.cause}") from None
        except RPCError as error:
            raise UnavailableError(f"nobody orders {what} now: {words_of(error)}") from None


async def _proof(arena: ChaosArena, agent: str) -> str:
    """Return the word of somebody of our own Vault for this revocation."""
    vault = Vault.of(arena.settings)
    try:
        login = await log_in(vault, WHO, passwords(arena.data_dir)[WHO])
        about: dict[str, Any] = {"agent": agent, "reason": reason_digest(REASON)}
        until = int(time.time()) + _LIFE_S
        nonce = secrets.token_hex(_NONCE_BYTES)
        statement = statement_of(REVOKE, about, entity=login.entity, expires=until, nonce=nonce)
        unsigned = Proof(statement, "")
        signature = await Person(vault, login.token).sign(unsigned.message())
        return encode(Proof(statement, signature))
    finally:
        vault.close()

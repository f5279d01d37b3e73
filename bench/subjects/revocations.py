"""How long a revocation takes, under load: eight threads use the agent's credentials meanwhile.

Each round has a run of its own, whose agent is a sandboxed process at work, and eight live tokens
of that agent, held by somebody who uses them without a pause. Then a person revokes the agent.
Measured from the server's time of the revocation's start, on the same machine's clock: when the
last request that still succeeded was begun, when the agent's process was gone, when every line of
the receipt was confirmed.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import requests
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from activities.contracts.specs import QUEUE
from activities.contracts.trust_specs import REVOCATION_WORKFLOW
from dsl.compiler import compile_text
from dsl.core import AgentPhase, Tier
from dsl.rules.proofs.proof import REVOKE, Proof, encode, reason_digest, statement_of
from dsl.rules.run.reserved import revocation_id
from dsl.rules.trust.admission import agent_identity
from integrations.vault.client import Vault
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.people.person import Person, PersonLogin, log_in

THREADS: Final = 8
FILES: Final = 2_000
FILE_BYTES: Final = 64 << 20
WAIT_S: Final = 60.0
WARM_S: Final = 0.5  # of hammering before the revocation
REASON: Final = "measured"
_READ: Final = "auth/token/lookup-self"


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the start of the revocation, in the server's time."""

    credentials_dead: float
    process_gone: float
    receipt_complete: float


async def revocation_ms(
    client: Client,
    env: Mapping[str, str],
    data_dir: Path,
    worker: int,
    *,
    rounds: int,
    tell: Callable[[str], None],
) -> dict[str, float]:
    """Return p50 and p99 of each of ``Times``; ``worker`` runs agents as processes."""
    workspace = Path(env["MANDATE_WORKSPACE"])
    _fill(workspace / "slow")
    vault = Vault(env["VAULT_ADDR"])
    try:
        passwords = json.loads((data_dir / "people.json").read_text())
        ann = await log_in(vault, "ann", passwords["ann"])
        times = []
        for number in range(1, rounds + 1):
            tell(f"round {number} of {rounds}")
            times.append(await _round(client, env, vault, ann, worker))
    finally:
        vault.close()
    return {
        f"{name}_{word}_ms": value
        for name in ("credentials_dead", "process_gone", "receipt_complete")
        for word, value in _quantiles([getattr(each, name) for each in times]).items()
    }


async def _round(
    client: Client, env: Mapping[str, str], vault: Vault, ann: PersonLogin, worker: int
) -> Times:
    handle, agent = await _start(client)
    await _until(lambda: bool(_agents(worker)))
    async with _tokens(env, vault, agent) as tokens:
        hammer = Hammer(env["VAULT_ADDR"], tokens)
        with hammer:
            await asyncio.sleep(WARM_S)
            proof = await _proof(vault, ann, agent)
            revocation = await client.start_workflow(
                REVOCATION_WORKFLOW,
                {"agent": agent, "reason": REASON, "proof": proof},
                id=revocation_id(agent),
                task_queue=QUEUE,
            )
            gone = await _until(lambda: not _agents(worker))
            receipt = await revocation.result()
            complete = time.time()
    assert receipt["complete"], receipt
    started = (await revocation.describe()).start_time.timestamp()
    with suppress(WorkflowFailureError):  # as it must: its agent was revoked
        await handle.result()
    return Times(*(1000 * (moment - started) for moment in (hammer.last_success, gone, complete)))


async def _start(client: Client) -> tuple[WorkflowHandle[Any, Any], str]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    stage = {
        "name": "work",
        "type": "agent",
        "template": "default",
        "config": {"inputs": {"path": "slow"}},
    }
    document = {"name": name, "version": "1", "stages": [stage]}
    digest = compile_text(json.dumps(document), "bench.json").digest
    handle = await client.start_workflow(
        "Pipeline", {"definition": document}, id=name, task_queue=QUEUE
    )
    return handle, agent_identity(f"{name}.work", digest, registered=False)


class Hammer:
    """Threads that use tokens without a pause, and remember when one last worked."""

    def __init__(self, url: str, tokens: list[str]) -> None:
        self.last_success = 0.0
        self.requests = 0
        self._url = f"{url}/v1/{_READ}"
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._use, args=(token,)) for token in tokens]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _use(self, token: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Vault-Token"] = token
            while not self._over.is_set():
                begun = time.time()
                works = session.get(self._url, timeout=10).ok
                with self._lock:
                    self.requests += 1
                    if works:
                        self.last_success = max(self.last_success, begun)


@asynccontextmanager
async def _tokens(env: Mapping[str, str], vault: Vault, agent: str) -> AsyncIterator[list[str]]:
    """Mint one token per thread, as the worker does for a phase."""
    login = Login(vault, Path(env["MANDATE_VAULT_ROLES"]), QUEUE)
    issuer, known = TokenRoleIssuer(vault, login), await Registry(vault, login).read(agent)
    async with AsyncExitStack() as stack:
        minted = [
            await stack.enter_async_context(
                issuer.credential(
                    agent,
                    known.entity_id,
                    phase=AgentPhase.EXECUTE,
                    tier=Tier.T0,
                    ttl_s=300,
                    meta={"run": "bench"},
                )
            )
            for _ in range(THREADS)
        ]
        yield [each._client.token for each in minted if each._client]
    await login.aclose()


async def _proof(vault: Vault, who: PersonLogin, agent: str) -> str:
    statement = statement_of(
        REVOKE,
        {"agent": agent, "reason": reason_digest(REASON)},
        entity=who.entity,
        expires=int(time.time()) + 300,
        nonce=secrets.token_hex(16),
    )
    unsigned = Proof(statement, "")
    return encode(Proof(statement, await Person(vault, who.token).sign(unsigned.message())))


def _fill(folder: Path) -> None:
    """Give an inventory minutes of work: many names of one large empty file."""
    folder.mkdir()
    first = folder / "0000"
    with first.open("wb") as file:
        file.truncate(FILE_BYTES)
    for number in range(1, FILES):
        (folder / f"{number:04}").hardlink_to(first)


def _agents(worker: int) -> set[int]:
    """Return what the worker's keepers have started; one of them waits for its agent."""
    found: set[int] = set()
    pending = _children(worker)
    while pending:
        below = _children(pending.pop())
        found |= below
        pending |= below
    return found


def _children(pid: int) -> set[int]:
    children: set[int] = set()
    with suppress(OSError):  # the process ended meanwhile
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):  # the thread did
                children |= {int(child) for child in file.read_text().split()}
    return children


async def _until(true: Any) -> float:
    """Wait until ``true()``; return when that was, in seconds since 1970."""
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110  # the kernel is asked
            await asyncio.sleep(0.005)
    return time.time()


def _quantiles(values: list[float]) -> dict[str, float]:
    return {"p50": statistics.median(values), "p99": max(values)}

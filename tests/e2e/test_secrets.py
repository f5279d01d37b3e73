"""What an agent was told in confidence, and every token that Vault issued, stays out of sight.

An agent that repeats its secret wherever it can, in the clear and in disguise, runs to each of
the ends a run may have. Then everything the run has left is searched, and every token of the
run is tried.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.engine import pipeline, stage
from tests.fixtures.hostile.arena import NAMESPACES, Arena, arena_on, played
from tests.fixtures.hostile.traces import found, rooms
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually

Play = Callable[[str], Path]
Traces = Callable[[Any], Awaitable[dict[str, bytes]]]

WAIT_S = 60
# Where agents of a tier may read, by the shipped policies.
ZONES = {0: "kv-shared/docs", 1: "kv-sandbox", 2: "kv-build"}
TOKEN_PREFIXES = ("hvs.", "hvb.", "hvr.", "s.", "b.", "r.")
# How the run of a blabber ends that does not complete.
ENDS = {
    "said_to_have_failed": ("Violation", "failed: [redacted]"),
    "crashed": ("Violation", "it said: RuntimeError: [redacted]"),
    "exited": ("Violation", "it said: [redacted]"),
    "flooded_stderr": ("Violation", "it said: [redacted][redacted]"),
    "put_into_an_artifact": ("Violation", "leak: artifact 'leak.txt' holds a secret"),
    "put_encoded_into_an_artifact": ("Violation", "leak: artifact 'leak.txt' holds a secret"),
    "put_into_the_name_of_an_artifact": ("Violation", "artifact name '[redacted]' must match"),
    "put_into_words_of_the_contract": (
        "Violation",
        'protocol: result.status must be "ok" or "failed", got \'[redacted]\'',
    ),
    "put_into_a_second_result": ("Violation", "a message of type 'result' after the result"),
    "hung": ("TimedOut", "not finished within 3s"),
}


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def traces(arena: Arena, dragonfly: Redis, caplog: pytest.LogCaptureFixture) -> Traces:
    """Everything that a run has left, by where it lies."""

    async def traces(handle: Any) -> dict[str, bytes]:
        return await rooms(arena, handle, dragonfly, caplog.text)

    return traces


@pytest.fixture
def secret() -> str:
    """A secret as Vault may hold one: long, and not of letters only."""
    return f'{uuid.uuid4().hex}"/+ \u00e9%{uuid.uuid4().hex}'


def _confided(openbao: OpenBao, secret: str, tier: int = 0) -> str:
    """Put the secret where agents of the tier may read it; return the reference to it."""
    place = f"{ZONES[tier]}/{uuid.uuid4().hex[:12]}"
    openbao.put_secret(place, field=secret)
    return f"{place}#field"


def _stage(arena: Arena, reference: str, do: str, **fields: Any) -> dict[str, Any]:
    config = {"secrets": {"TOKEN": reference}, "inputs": arena.orders(do=do), **fields}
    return played("look", config=config)


async def _heartbeat(arena: Arena, workflow_id: str) -> bytes:
    """Wait until the agent at work in a stage has told of its secret; return what was told."""
    handle = arena.client.get_workflow_handle(workflow_id)
    async with asyncio.timeout(WAIT_S):
        while True:
            with suppress(RPCError):  # it has not been started yet
                pending = (await handle.describe()).raw_description.pending_activities
                told = b"".join(activity.SerializeToString() for activity in pending)
                if b"[redacted]" in told:  # signs of life come before
                    return told
            await asyncio.sleep(0.05)


def _living(openbao: OpenBao, tokens: list[str]) -> int:
    """Return how many of the tokens Vault still knows."""
    lookup = "auth/token/lookup"
    return sum(openbao.raw(openbao.root_token, "POST", lookup, token=one).ok for one in tokens)


@pytest.mark.parametrize("tier", ZONES)
async def test_what_an_agent_repeats_of_its_secret_is_found_nowhere(
    arena: Arena, play: Play, traces: Traces, secret: str, tier: int
):
    play("blabber")
    reference = _confided(arena.openbao, secret, tier)
    handle = await arena.start(pipeline(_stage(arena, reference, "told", tier=tier)))
    failure, report = await arena.failure(handle)
    places = await traces(handle)

    assert failure.type == "Violation"
    assert report["stages"]["look"]["output"]["forms"]["clear"] == "[redacted]"  # it was told
    assert len(arena.issued.minted) >= 2  # to prove itself, and to read
    assert found(places, secret, *arena.issued.all) == set()
    assert _living(arena.openbao, arena.issued.minted) == 0


@pytest.mark.parametrize("do", ENDS)
async def test_neither_is_it_when_the_run_ends_badly(
    arena: Arena, play: Play, traces: Traces, secret: str, do: str
):
    play("blabber")
    kind, why = ENDS[do]
    reference = _confided(arena.openbao, secret)
    limit = "3s" if kind == "TimedOut" else "30s"
    handle = await arena.start(pipeline(_stage(arena, reference, do, timeout=limit)))
    failure, _ = await arena.failure(handle)
    places = await traces(handle)

    assert failure.type == kind
    assert why in failure.message
    assert found(places, secret, *arena.issued.all) == set()
    assert _living(arena.openbao, arena.issued.minted) == 0


async def test_neither_is_it_when_the_run_is_cancelled(
    arena: Arena, play: Play, traces: Traces, secret: str
):
    play("blabber")
    reference = _confided(arena.openbao, secret)
    handle = await arena.start(pipeline(_stage(arena, reference, "hung")))
    heard = await _heartbeat(arena, f"{handle.id}/look")
    assert _living(arena.openbao, arena.issued.minted) == 1  # what it reads with
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    places = await traces(handle)

    assert isinstance(caught.value.cause, CancelledError)
    assert found({**places, "heartbeat": heard}, secret, *arena.issued.all) == set()
    assert _living(arena.openbao, arena.issued.minted) == 0


async def test_the_search_finds_what_was_no_secret(
    arena: Arena, play: Play, traces: Traces, secret: str
):
    play("blabber")
    seen: dict[str, set[str]] = {}
    for do in ("told", "crashed"):
        inputs = arena.orders(do=do, hearsay=secret)
        handle = await arena.start(pipeline(played("look", config={"inputs": inputs})))
        await arena.until_ended(handle)
        places = await traces(handle)
        seen[do] = found(places, secret)
        seen[f"{do}: its id"] = found(places, handle.id)

    assert {"history", "ledger", "artefacts"} <= seen["told"]
    assert {"history", "ledger", "queries", "logs"} <= seen["crashed"]
    assert "dragonfly" in seen["told: its id"]


async def test_the_search_sees_through_every_disguise(arena: Arena, play: Play, secret: str):
    play("blabber")
    inputs = arena.orders(do="told", hearsay=secret)
    handle = await arena.start(pipeline(played("look", config={"inputs": inputs})))
    forms = (await handle.result())["stages"]["look"]["output"]["forms"]

    assert len(forms) == 8
    assert found({how: said.encode() for how, said in forms.items()}, secret) == set(forms)


@pytest.mark.parametrize("do", ["told", "crashed", "said_to_have_failed"])
async def test_what_looks_like_a_token_of_vault_does_not_enter_history(
    arena: Arena, play: Play, traces: Traces, do: str
):
    play("blabber")
    # Nobody told it these: it made them up, or found them lying about.
    tokens = [prefix + secrets.token_hex(24) for prefix in TOKEN_PREFIXES]
    inputs = arena.orders(do=do, hearsay="nothing", others=tokens)
    handle = await arena.start(pipeline(played("look", config={"inputs": inputs})))
    await arena.until_ended(handle)
    places = await traces(handle)

    assert found(places, *tokens) == set()
    assert b"[redacted] [redacted]" in places["history"]


@pytest.mark.parametrize(
    "case",
    [
        (
            "Violation",
            0,
            "kv-build/ci#field",
            "may not read kv-build/ci with gov-t0: raise its tier",
        ),
        (
            "Violation",
            1,
            "kv-build/ci#field",
            "may not read kv-build/ci with gov-t0, gov-t1: raise its tier",
        ),
        (
            "Violation",
            2,
            "kv-prod/svc/db#field",
            "may not read kv-prod/svc/db with gov-t0, gov-t1, gov-t2",
        ),
        ("Violation", 2, "kv-nowhere/x#field", "may not read kv-nowhere/x with"),
        ("StageFailed", 2, "kv-build/ci#other", "the secret kv-build/ci has no field 'other'"),
        ("StageFailed", 2, "kv-build/none#field", "there is no secret kv-build/none"),
    ],
)
async def test_a_secret_that_is_not_to_be_had_fails_the_stage_by_its_name(
    arena: Arena, play: Play, secret: str, case: tuple[str, int, str, str]
):
    play("blabber")
    kind, tier, reference, said = case
    for place in ("kv-build/ci", "kv-prod/svc/db"):
        arena.openbao.put_secret(place, field=secret)
    handle = await arena.start(pipeline(_stage(arena, reference, "told", tier=tier)))
    failure, report = await arena.failure(handle)

    assert failure.type == kind
    assert said in failure.message
    assert secret not in str(report)
    assert "look/EXIT#1" in await arena.activities(f"{handle.id}/look")
    assert _living(arena.openbao, arena.issued.minted) == 0


async def test_workers_that_stop_leave_no_token_alive(
    hostile_temporal: WorkflowEnvironment,
    openbao: OpenBao,
    valkey: ValkeyProcess,
    tmp_path: Path,
    secret: str,
):
    reference = _confided(openbao, secret)
    async with arena_on(hostile_temporal, NAMESPACES[2], openbao, valkey, tmp_path) as brief:
        config = {"secrets": {"TOKEN": reference}}
        handle = await brief.start(pipeline(stage("look", config=config)))
        await handle.result()
        # of phases, of T3, which tries the lock of Vault, of trust, of the revoker, who stays
        # ready, and of the ledger, whose notes Vault signs: beside the run
        await eventually(lambda: _living(openbao, brief.issued.logins) == 5)

    assert _living(openbao, brief.issued.all) == 0

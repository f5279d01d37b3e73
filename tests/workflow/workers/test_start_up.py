"""What a phase worker does at its start in a Vault that is good, bad, or away."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from integrations.settings import Settings
from tests.fixtures.engine import Engine, ScriptedRunner, failure_of, pipeline, settings_for, stage
from tests.fixtures.servers.namespaces import own_namespace
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.fixtures.servers.variables import variables_of
from tests.unit.mandate.programs import ROOT
from tests.unit.mandate.programs import environment as clean
from worker import build_workers, plugin

EMPTY: Final = 'path "x" {}'
START_S: Final = 60.0
REFUSAL: Final = (
    "nothing is minted in this vault, policies: missing or not as in this release: gov-t1: "
    "install our governance again"
)


SURVIVES = pytest.mark.parametrize("server", [True], indirect=True, ids=["on disk"])


@pytest_asyncio.fixture
async def server(
    request: pytest.FixtureRequest, private_openbao: Callable[..., OpenBao]
) -> OpenBao:
    """Serve a test that tampers; one that ``SURVIVES`` may be stopped and started again."""
    governed = private_openbao(on_disk=getattr(request, "param", False))
    await govern(governed)
    return governed


@pytest.fixture
def settings(engine: Engine, server: OpenBao, valkey: ValkeyProcess, tmp_path: Path) -> Settings:
    return settings_for(engine.settings.temporal, server, valkey, tmp_path)


def tamper(server: OpenBao) -> None:
    server.as_root("POST", "sys/policies/acl/gov-t1", policy=EMPTY)


async def worker_process(
    settings: Settings, queue: str, namespace: str
) -> asyncio.subprocess.Process:
    """Start ``worker.py`` as a service manager does."""
    variables = {**variables_of(settings, namespace), "MANDATE_QUEUES": queue}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "worker.py")),
        env=clean(variables),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(
    engine: Engine, settings: Settings, server: OpenBao
) -> AsyncIterator[tuple[Engine, OpenBao]]:
    """Serve a namespace of its own with workers that start while Vault is away."""
    runner = ScriptedRunner()
    ours = plugin(settings, runner=runner)
    client = await own_namespace(engine.client, ours)
    server.stop()
    async with AsyncExitStack() as stack:
        for worker in build_workers(client, settings):
            await stack.enter_async_context(worker)
        await ours.until_on_duty()
        yield Engine(client, settings, runner), server


@pytest.mark.parametrize("queue", ["mandate", "mandate-t3"])
async def test_a_worker_refuses_a_vault_that_was_tampered_with(
    engine: Engine, settings: Settings, server: OpenBao, queue: str
) -> None:
    tamper(server)

    process = await worker_process(settings, queue, namespace="default")
    async with asyncio.timeout(START_S):
        out, err = await process.communicate()

    assert process.returncode == 1
    assert out == b""  # it never said that it is ready
    assert err.decode().splitlines()[-1] == f"mandate worker: {REFUSAL}"
    assert "Traceback" not in err.decode()


async def test_a_worker_in_a_good_vault_is_ready_and_ends_in_order_when_told(
    engine: Engine, settings: Settings, server: OpenBao
) -> None:
    client = await own_namespace(engine.client, plugin(settings))
    before = server.as_root("LIST", "auth/token/accessors")["data"]["keys"]

    process = await worker_process(settings, "mandate,mandate-t3", client.namespace)
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        ready = await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()

    assert ready == b"worker ready: mandate,mandate-t3\n", err.decode()
    assert process.returncode == 0
    left = set(server.as_root("LIST", "auth/token/accessors")["data"]["keys"]) - set(before)
    assert left == set()  # its logins have ended, and so have the tokens of the trials


@SURVIVES
async def test_a_worker_that_started_without_vault_examines_it_before_it_mints(
    engine: Engine, settings: Settings, server: OpenBao, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(engine, settings, server) as (own, vault):
        handle = await own.start(pipeline(stage("look")))
        vault.start()
        report = await handle.result()

    assert "starting without Vault: vault cannot be examined now: server: " in caplog.text
    assert report["status"] == "completed"


@SURVIVES
async def test_a_vault_that_comes_back_tampered_with_mints_nothing(
    engine: Engine, settings: Settings, server: OpenBao
) -> None:
    async with serving(engine, settings, server) as (own, vault):
        vault.start()
        tamper(vault)
        failure = await failure_of(await own.start(pipeline(stage("look"))))

    assert REFUSAL in failure.message
    assert own.runner.requests == []

"""Health as an operator has it: beside a stack whose servers freeze, and come back.

The servers that fail are the test's own, named to ``mandate up`` as a person's servers are.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import partial
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from integrations.health.metrics import METRICS
from integrations.ledger.verify import TAIL_MAX, tail
from tests.fixtures.engine import pipeline, stage
from tests.fixtures.stack import FREE_PORTS, result_of
from tests.integration.stack.probes import eventually
from tests.unit.mandate.programs import mandate

SERVED = re.compile(r"health: http://127\.0\.0\.1:(\d+)/health/ready")
DEAD_S = 60.0
QUICK_S = 7.0  # of a page; a call of the store alone takes eight


@pytest.fixture(scope="module")
def servers(servers):
    return {**servers, "MANDATE_HEALTH_PORT": "0"}


async def page(up, worker, path):
    """Return status, text and seconds of a page of a worker."""
    log = (up.data_dir / "logs" / f"{worker}.log").read_text()
    url = f"http://127.0.0.1:{SERVED.findall(log)[-1]}{path}"

    def get():
        try:
            with urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    begun = time.monotonic()
    status, text = await asyncio.to_thread(get)
    return status, text, time.monotonic() - begun


async def states(up, worker):
    return json.loads((await page(up, worker, "/health/ready"))[1])["states"]


async def until(up, worker, what, state):
    async def holds():
        return (await states(up, worker))[what] == state

    await eventually(holds, within_s=DEAD_S)


async def is_whole(up, worker):
    """Tell whether a page has all that is asked for it, each within a limit of its own."""
    said = (await page(up, worker, "/metrics"))[1]
    whole = ("mandate_ready 1", "mandate_sdk_metrics 1", "temporal_num_pollers{")
    return all(each in said for each in whole)


async def health(up, *arguments):
    return await asyncio.to_thread(
        mandate, "health", "--json", *arguments, cwd=up.data_dir, env=up.env
    )


def told(up, what):
    return [
        (entry.payload["was"], entry.payload["now"])
        for entry in tail(up.ledger, TAIL_MAX)
        if entry.action == "health.changed" and entry.payload["what"] == what
    ]


async def test_all_pages_of_a_stack_that_is_well(up, bao, store):
    for worker in ("ledger", "trust", "t3", "worker"):
        await until(up, worker, "vault", "alive")
        await eventually(partial(is_whole, up, worker))
        status, text, _ = await page(up, worker, "/metrics")
        names = set(re.findall(r"^# TYPE (mandate_\w+)", text, re.MULTILINE))
        assert (status, (await page(up, worker, "/health/live"))[0]) == (200, 200)
        assert names <= set(METRICS)
        secrets = [store.password, bao.root_token, *_role_secrets(bao)]
        assert not [each for each in secrets if each and each in text]

    async def sees_the_ledgers_queue():  # of which its own worker would say nothing any more
        said = (await page(up, "trust", "/metrics"))[1]
        return re.search(
            r'^mandate_queue_pollers\{queue="mandate-ledger"\} [1-9]', said, re.MULTILINE
        )

    await eventually(sees_the_ledgers_queue)


def _role_secrets(bao):
    files = [path for path in bao.roles_dir.rglob("*") if path.is_file()]
    return [path.read_text().strip() for path in files]


async def test_while_dragonfly_is_frozen_health_answers_and_nothing_executes_and_all_resumes(
    up, store
):
    await result_of(await up.start(pipeline(stage("warm"))))
    store.pause()
    try:
        for worker in ("ledger", "worker"):
            await until(up, worker, "dragonfly", "dead")
        status, text, took = await page(up, "worker", "/metrics")
        ready, _, took_ready = await page(up, "worker", "/health/ready")
        said = await health(up)
        run = await up.start(pipeline(stage("look")))

        async def waits():
            found = (await run.query("status"))["stages"].get("look", {})
            return "waits for circuit dragonfly" in found.get("detail", "")

        await eventually(waits, within_s=DEAD_S)
        assert not up.agents()
    finally:
        store.resume()
    report = await result_of(run)
    await until(up, "ledger", "dragonfly", "alive")

    assert (status, ready) == (200, 503)
    assert max(took, took_ready) < QUICK_S
    assert 'mandate_health_state{what="dragonfly"} 2' in text
    assert "dragonfly is dead" not in said.stderr  # its row says so, once
    assert "is `mandate up` running?" in said.stdout
    rows = {row["what"]: row["state"] for row in map(json.loads, said.stdout.splitlines())}
    assert (said.returncode, rows["dragonfly"], rows["vault"]) == (1, "dead", "alive")
    assert report["stages"]["look"]["attempts"] == 1
    await eventually(lambda: told(up, "dragonfly") == [("alive", "dead"), ("dead", "alive")])


async def test_while_vault_is_frozen_health_answers(up, bao):
    bao.pause()
    try:
        await until(up, "worker", "vault", "dead")
        _, text, took = await page(up, "worker", "/metrics")
        said = await health(up)
    finally:
        bao.resume()
    await until(up, "worker", "vault", "alive")

    assert 'mandate_health_state{what="vault"} 2' in text
    assert took < QUICK_S
    assert said.returncode == 1
    assert "Traceback" not in said.stderr


async def test_two_who_serve_health_on_one_port_are_told_apart(up, tmp_path):
    log = (up.data_dir / "logs" / "worker.log").read_text()
    taken = SERVED.findall(log)[-1]
    words = ("up", "--data-dir", tmp_path / "data", "--health-port", taken, *FREE_PORTS)
    said = await asyncio.to_thread(mandate, *words, cwd=tmp_path)

    assert (said.returncode, f"port {taken} for health is taken" in said.stderr) == (1, True)

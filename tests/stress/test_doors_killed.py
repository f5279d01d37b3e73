"""``mandate serve`` dies in the midst of a delivery: nothing is lost in silence, nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import signal
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from integrations.vault import naming
from tests.fixtures.engine import gate, pipeline
from tests.fixtures.hostile.traces import processes
from tests.fixtures.notify.github import TOKEN, fake_github, key_in
from tests.fixtures.servers.http import Place
from tests.fixtures.stack import MandateUp, until_gate
from tests.integration.stack.probes import eventually, is_dead

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

SECRET = "a-secret-of-the-webhook-of-this-test"
REPOSITORY = "acme/shop"
ANN = 583231
VOTES = 40


def comment(number: int, body: str) -> dict[str, Any]:
    return {
        "action": "created",
        "repository": {"full_name": REPOSITORY},
        "issue": {"number": number, "pull_request": {}},
        "comment": {
            "id": time.time_ns() // 1_000,
            "body": body,
            "user": {"id": ANN},
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "author_association": "MEMBER",
        },
        "sender": {"id": ANN, "type": "User"},
    }


async def deliver(place: Place, raw: bytes, delivery: str) -> int:
    """Deliver as GitHub does; return the status, 0: there was no answer."""
    mac = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={mac}",
    }
    try:
        return (await place.ask("POST", "/hooks/github", raw, headers)).status
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0


@contextmanager
def paused(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def console_of(stack: MandateUp) -> tuple[int, int]:
    """Return the pid of the console, and its port."""
    found = re.search(r"^console +http://127\.0\.0\.1:(\d+)$", stack.said, re.MULTILINE)
    assert found, stack.said
    [pid] = [pid for pid, words in stack.processes().items() if " serve " in words]
    return pid, int(found[1])


def entity_of(stack: MandateUp, name: str, password: str) -> str:
    login = f"{stack.env['VAULT_ADDR']}/v1/auth/{naming.APPROVER_AUTH}/login/{name}"
    said = requests.post(login, json={"password": password}, timeout=60).json()
    return str(said["auth"]["entity_id"])


async def asked(stack: MandateUp, number: int) -> WorkflowHandle[Any, Any]:
    """Start a run as an event of GitHub would, which waits for ann and for bob."""
    handle = await (await stack.client()).start_workflow(
        "Pipeline",
        pipeline(gate("sign-off", approvers=["ann", "bob"], identity=["github"], quorum=2)),
        id=f"github/{REPOSITORY}/pull/{number}/{uuid.uuid4().hex[:12]}/x",
        task_queue="mandate",
    )
    await until_gate(handle, "sign-off")
    return handle


async def updates_of(run: WorkflowHandle[Any, Any]) -> int:
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    return sum([event.event_type == kind async for event in run.fetch_history_events()])


async def test_a_delivery_that_was_not_answered_may_come_again_and_is_one_vote(tmp_path: Path):
    key_in(tmp_path / "key")
    (tmp_path / "secret").write_text(SECRET)
    file = tmp_path / "notify.yaml"
    with fake_github() as github:
        site = f"""\
github:
  repo:
    app: "12345"
    installation: 7
    key_file: {tmp_path}/key
    repositories: [{REPOSITORY}]
    api: {github.http.url}
inbound:
  github: {{destination: repo, secret_file: {tmp_path}/secret}}
"""
        file.write_text(site)
        variables = {"MANDATE_NOTIFY": str(file)}
        async with MandateUp(tmp_path, variables, "--console", "--console-port=0") as stack:
            passwords = json.loads((stack.data_dir / "people.json").read_text())
            ann = await asyncio.to_thread(entity_of, stack, "ann", passwords["ann"])
            file.write_text(f'{site}people:\n  github: {{"{ANN}": {ann}}}\n')
            place = Place(console_of(stack)[1])
            await _killed(stack, place)  # it knows ann now

            run = await asked(stack, 5)
            raw = json.dumps(comment(5, "/mandate approve sign-off")).encode()
            with paused(stack.pid("worker")):
                under_way = asyncio.create_task(deliver(place, raw, "d-1"))
                await asyncio.sleep(0.5)  # it asks the run, which does not answer
                await _killed(stack, place)
                assert await under_way == 0  # GitHub shows that it failed
                assert github.comments == {}
            assert await deliver(place, raw, "d-1") == 202  # somebody has it sent again
            await eventually(lambda: len(github.comments) == 1)
            await _killed(stack, place)
            assert await deliver(place, raw, "d-1") == 202  # whatever it remembers
            [row] = await run.query("gates")
            assert (row["votes"], await updates_of(run)) == (1, 1)
            assert len(github.comments) == 1
            assert "Counted" in github.comments[1]["body"]

            times = []
            for number in range(100, 100 + VOTES):
                await asked(stack, number)
                raw = json.dumps(comment(number, "/mandate approve")).encode()
                began = time.perf_counter()
                assert await deliver(place, raw, f"d-{number}") == 202
                times.append(time.perf_counter() - began)
            _hunted(stack, SECRET, TOKEN)
    print(f"\na vote is with its run, and answered: median {statistics.median(times):.3f} s")

    assert github.wrong == []


def _hunted(stack: MandateUp, *secrets: str) -> None:
    """Look for what opens the doors in arguments, logs, histories, and the ledger."""
    assert processes(*secrets) == []
    kept = [path for path in stack.data_dir.rglob("*") if path.is_file()]
    assert {path.name for path in kept} >= {"console.log", "ledger.db", "temporal.db"}
    leaks = {
        path.name for path in kept if any(each.encode() in path.read_bytes() for each in secrets)
    }
    assert leaks == set()


async def _killed(stack: MandateUp, place: Place) -> None:
    """Kill the console, and wait until it serves again."""
    pid, _ = console_of(stack)
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: is_dead(pid))

    async def is_back() -> bool:
        try:
            return (await place.ask("GET", "/live")).status == 200
        except (asyncio.IncompleteReadError, ConnectionError):
            return False

    await eventually(is_back, within_s=120)

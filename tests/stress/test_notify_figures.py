"""What a run pays for telling people who are away, slow or full; and a teller that is killed.

Runs of all kinds are started in an order drawn anew for each round, one after the other has been
told of as far as that goes at once, so that a machine that is busy is as busy for all. Figures are
printed: ``make stress`` shows them. What is held is what no busy machine changes: a run has the
same history whatever becomes of those who are told.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from tests.fixtures.engine import gate, pipeline
from tests.fixtures.notify.github import FakeGitHub, fake_github, key_in
from tests.fixtures.notify.receiver import Heard, Receiver, Reply, receiver
from tests.fixtures.notify.slack import BOT, CHANNEL, FakeSlack, fake_slack
from tests.fixtures.servers.valkey import free_port
from tests.fixtures.stack import MandateUp
from tests.integration.stack.probes import eventually

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

ROUNDS = 15
SETTLED_S = 1.5  # then what a run before has set going is done, or waits
SLOW_S = 10.0
LATER_S = 240.0
RETRY_AFTER_S = 3
WHOM = ("nobody", "hook", "down", "slow", "limited")
REPOSITORY = "acme/shop"
_TASKS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
)


@dataclass
class Told:
    """A stack, and those who are told of its runs."""

    stack: MandateUp
    hooks: dict[str, Receiver]
    github: FakeGitHub
    slack: FakeSlack
    folder: Path


@pytest_asyncio.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    (folder / "secret").write_text("a secret of ours")
    (folder / "bot").write_text(BOT)
    key_in(folder / "key")
    async with AsyncExitStack() as stack:
        hooks = {name: stack.enter_context(receiver()) for name in ("hook", "slow", "limited")}
        github = stack.enter_context(fake_github())
        slack = await stack.enter_async_context(fake_slack())
        urls = {name: each.url for name, each in hooks.items()}
        urls["down"] = f"http://127.0.0.1:{free_port()}"
        for name, url in urls.items():
            (folder / f"{name}-url").write_text(url)
        lines = [
            f"  {name}: {{url_file: {folder}/{name}-url, secret_file: {folder}/secret}}"
            for name in urls
        ]
        (folder / "notify.yaml").write_text(
            "\n".join(["webhook:", *lines])
            + f"""
github:
  repo:
    app: "12345"
    installation: 7
    key_file: {folder}/key
    repositories: [{REPOSITORY}]
    api: {github.http.url}
slack:
  ops: {{channel: {CHANNEL}, token_file: {folder}/bot, api: "{slack.http.url}/api"}}
"""
        )
        variables = {"MANDATE_NOTIFY": str(folder / "notify.yaml")}
        async with MandateUp(folder, variables) as up:
            yield Told(up, hooks, github, slack, folder)


async def one(
    told: Told, notify: list[dict[str, Any]], inputs: dict[str, Any] | None = None
) -> Any:
    """Start a run that waits for ann; return it."""
    client = await told.stack.client()
    declared: dict[str, Any] = {name: {} for name in inputs or {}}
    definition = pipeline(gate("sign-off"), notify=notify, inputs=declared)
    return await client.start_workflow(
        "Pipeline",
        {"definition": definition, "inputs": inputs or {}},
        id=f"told-{uuid.uuid4()}",
        task_queue="mandate",
    )


async def approved(run: WorkflowHandle[Any, Any]) -> None:
    """Approve as soon as it asks, and see it end."""
    while not await run.query("gates"):  # noqa: ASYNC110  # another process is asked
        await asyncio.sleep(0.002)
    await run.execute_update("vote", {"gate": "sign-off", "decision": "approve", "voter": "ann"})
    await run.result()


Runs = dict[str, list[WorkflowHandle[Any, Any]]]


async def _measured(told: Told) -> tuple[dict[str, list[float]], Runs]:
    took: dict[str, list[float]] = {name: [] for name in WHOM}
    runs: Runs = {name: [] for name in WHOM}
    for name in WHOM:  # nobody pays for what is done for the first time
        await approved(await one(told, [{"to": name}] if name != "nobody" else []))
    drawn = random.Random(16)
    for _ in range(ROUNDS):
        for name in drawn.sample(WHOM, len(WHOM)):
            await asyncio.sleep(SETTLED_S)
            began = time.perf_counter()
            run = await one(told, [{"to": name}] if name != "nobody" else [])
            await approved(run)
            took[name].append(time.perf_counter() - began)
            runs[name].append(run)
    return took, runs


async def test_a_run_pays_nothing_for_who_is_away_slow_or_full(
    told: Told, capsys: pytest.CaptureFixture[str]
):
    down = (told.folder / "down-url").read_text()
    answers: dict[str, Callable[[Heard], Reply]] = {
        "slow": lambda _heard: Reply(after=lambda: time.sleep(SLOW_S)),
        "limited": lambda _heard: Reply(429, {"Retry-After": "20"}),
    }
    for name, answer in answers.items():
        told.hooks[name].answers = answer
    took, runs = await _measured(told)
    medians = {name: statistics.median(each) * 1_000 for name, each in took.items()}
    with capsys.disabled():
        print("\nwho is told   p50 of a run   beyond one that tells nobody")
        for name, median in medians.items():
            print(f"{name:<13} {median:9.1f} ms {median - medians['nobody']:+14.1f} ms")

    shapes = {name: {await _shape(run) for run in runs[name]} for name in WHOM[1:]}
    assert set().union(*shapes.values()) == {next(iter(shapes["hook"]))}
    for name in ("down", "slow", "limited"):
        assert medians[name] < 1.5 * medians["hook"] + 50

    with ExitStack() as stack:  # all are well again: each message is there, once
        for each in told.hooks.values():
            each.answers = lambda _heard: Reply()
        late = stack.enter_context(receiver())
        (told.folder / "down-url").write_text(down.rpartition(":")[0] + f":{late.port}")
        heard = {**told.hooks, "down": late}
        wanted = {name: {run.id for run in runs[name]} for name in heard}

        def are_there() -> bool:
            return all(wanted[name] <= _ended(each) for name, each in heard.items())

        await eventually(are_there, within_s=LATER_S)
        taken = {name: _deliveries(each) for name, each in heard.items()}
    del taken["limited"]  # what was refused there came again, under the same id
    assert {name: max(each.values()) for name, each in taken.items()} == dict.fromkeys(taken, 1)


async def test_who_tells_is_killed_on_the_way_and_it_is_there_once(told: Told):
    killed = threading.Event()
    hook, github, slack = told.hooks["hook"], told.github, told.slack
    hook.script = [Reply(after=lambda: killed.wait(60))]
    held = [
        _held(github.http, "/check-runs", killed),  # the comment comes after it
        _held(slack.http, "/chat.postMessage", killed),
    ]
    before = len(hook.heard)
    subject = {"repository": REPOSITORY, "commit": "a" * 40, "pull_request": "5"}
    run = await one(told, [{"to": "hook"}, {"to": "repo"}, {"to": "ops"}], subject)
    # All are on the way: taken there, and not yet known here.
    await eventually(lambda: all(held) and len(hook.heard) > before)
    await told.stack.kill("notify")
    killed.set()
    await approved(run)  # the run waits for nobody
    slack.faults = [Reply(429, {"Retry-After": str(RETRY_AFTER_S)})]
    await told.stack.until_back("notify")
    await eventually(
        lambda: (
            run.id in _ended(hook)
            and any(each.get("conclusion") == "success" for each in github.checks.values())
            and any("completed" in each["text"] for each in slack.messages)
        ),
        within_s=LATER_S,
    )

    assert (len(github.checks), len(github.comments)) == (1, 1)  # GitHub is asked what it has
    [board] = [each for each in slack.messages if "thread_ts" not in each]  # and so is Slack
    below = [each["metadata"]["event_payload"]["id"] for each in slack.messages if each != board]
    assert len(below) == len(set(below))
    assert slack.faults == []  # it was told to wait, and has waited
    assert slack.waited_s >= RETRY_AFTER_S
    assert github.wrong == slack.wrong == []
    ours = [each for each in hook.heard[before:] if each.json["run"]["workflow"] == run.id]
    times = Counter(each.headers["Mandate-Delivery"] for each in ours)
    # A webhook cannot be asked: the one that was on its way came again, and says that it did.
    assert sorted(times.values()) == [1, 2]


def _held(service: Receiver, ending: str, killed: threading.Event) -> list[str]:
    """Have the first answer to such a post wait for the kill; return whose it is."""
    whole, first = service.answers, list[str]()

    def answer(heard: Heard) -> Reply:
        reply = whole(heard)
        if heard.method == "POST" and heard.path.endswith(ending) and not first:
            first.append(heard.path)
            reply.after = lambda: killed.wait(60)
        return reply

    service.answers = answer
    return first


def _ended(hook: Receiver) -> set[str]:
    found = [each.json for each in list(hook.heard)]
    return {each["run"]["workflow"] for each in found if each["event"] == "ended"}


def _deliveries(hook: Receiver) -> Counter[str]:
    return Counter(each.headers["Mandate-Delivery"] for each in hook.heard)


async def _shape(run: WorkflowHandle[Any, Any]) -> tuple[tuple[int, int], ...]:
    """Return how many events of each kind a history has; its tasks are a matter of the machine."""
    kinds = Counter([event.event_type async for event in run.fetch_history_events()])
    return tuple(sorted((kind, times) for kind, times in kinds.items() if kind not in _TASKS))

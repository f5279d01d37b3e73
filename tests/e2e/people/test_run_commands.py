"""What a person types to see, follow and steer runs, against a stack that is up."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.engine import after_look, gate, pipeline, stage
from tests.fixtures.person import demo_person
from tests.fixtures.slow_folder import SlowFolder
from tests.fixtures.stack import MandateUp, result_of, until_gate
from tests.integration.stack.probes import eventually

ROOT = Path(__file__).resolve().parents[3]
MANDATE = (sys.executable, "-m", "mandate")
SAID_S_MAX = 90  # a limit of the test: how soon a run gets somewhere is measured elsewhere


@asynccontextmanager
async def typed(up: MandateUp, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(*MANDATE, *words),
        cwd=ROOT,
        env={**os.environ, **up.env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def says(up: MandateUp, *words: str, code: int = 0) -> str:
    async with typed(up, *words) as process:
        out, _ = await process.communicate()
    assert process.returncode == code, out.decode()
    return out.decode()


async def until(process: asyncio.subprocess.Process, true: Callable[[str], bool]) -> str:
    """Read until a line satisfies ``true``; return all up to it."""
    assert process.stdout
    said = ""
    try:
        async with asyncio.timeout(SAID_S_MAX):
            while line := (await process.stdout.readline()).decode():
                said += line
                if true(line):
                    return said
    except TimeoutError:
        raise AssertionError(f"after {SAID_S_MAX} s it had only said: {said}") from None
    raise AssertionError(f"it ended without saying that: {said}")


async def row_of(up: MandateUp, run: str, status: str) -> dict[str, Any]:
    """Return the row of a run when it has that status: the server's list is a little behind."""
    async with asyncio.timeout(SAID_S_MAX):
        while True:
            rows = [json.loads(line) for line in (await says(up, "runs", "--json")).splitlines()]
            found = {each["run"]: each for each in rows}
            if run in found and found[run]["status"] == status:
                return dict(found[run])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A document which nothing is warned of."""
    found = tmp_path / "mine.yaml"
    found.write_text(json.dumps(after_look(gate("ok"))))
    return found


def asks(**fields: Any) -> dict[str, Any]:
    return pipeline({"name": "look", "type": "agent", "template": "default"}, gate("ok", **fields))


async def test_who_waits_at_a_gate_is_shown_the_lines_that_answer_it_and_one_of_them_does(
    mandate_up: MandateUp, file: Path
):
    async with typed(mandate_up, "run", str(file), "--wait") as process:
        said = await until(process, lambda line: "temporal workflow signal" in line)
        run = said.split()[1]
        vote = shlex.split(said.splitlines()[-1])
        code, out = await mandate_up.cli(*vote[1:])
        rest, _ = await process.communicate()

    assert f"  mandate approve {run} ok" in said.splitlines()
    assert code == 0, out
    assert process.returncode == 0
    assert "completed; ledger entries" in rest.decode()


async def test_ctrl_c_ends_the_watching_and_not_the_run_and_says_how_to_come_back(
    mandate_up: MandateUp, file: Path
):
    async with typed(mandate_up, "run", str(file), "--wait") as process:
        run = (await until(process, lambda line: "mandate approve" in line)).split()[1]
        process.send_signal(signal.SIGINT)
        rest, _ = await process.communicate()
    said = rest.decode()

    assert process.returncode == 130
    assert "the run goes on; back to it: mandate watch" in said
    (back,) = (line.partition(": ")[2] for line in said.splitlines() if "back to it" in line)
    async with typed(
        mandate_up, *shlex.split(back.removeprefix("the run goes on; "))[-2:]
    ) as again:
        await until(again, lambda line: "mandate approve" in line)
        await mandate_up.vote(run, "ok")
        rest, _ = await again.communicate()
    assert again.returncode == 0
    assert "completed; ledger entries" in rest.decode()


async def test_a_run_can_be_started_and_its_end_be_had_as_json(mandate_up: MandateUp, file: Path):
    async with typed(mandate_up, "run", str(file), "--wait", "--json") as process:
        run = json.loads(await until(process, bool))["run"]
        handle = (await mandate_up.client()).get_workflow_handle(run)
        await until_gate(handle, "ok")
        await mandate_up.vote(run, "ok", "reject")
        rest, _ = await process.communicate()
    ended = json.loads(rest)

    assert process.returncode == 1
    assert (ended["run"], ended["status"], ended["error"]) == (run, "rejected", "GateRejected")
    assert ended["report"]["stages"]["ok"]["status"] == "rejected"


async def page_with(up: MandateUp, run: str, word: str) -> str:
    """Show ``run`` until its stages, which are asked within a limit, have told of ``word``."""
    pages: list[str] = []

    async def told() -> bool:
        pages.append(await says(up, "show", run, code=3))
        return word in pages[-1]

    await eventually(told, within_s=60)
    return pages[-1]


async def test_a_run_is_shown_on_one_page_while_it_waits_and_when_it_is_over(
    mandate_up: MandateUp, tmp_path: Path
):
    approved, rejected = [await mandate_up.start(asks()) for _ in range(2)]
    await until_gate(approved, "ok")
    waiting = await page_with(mandate_up, approved.id, "inventory.json")
    early = json.loads(await says(mandate_up, "show", approved.id, "--json", code=3))
    await mandate_up.vote(approved.id, "ok")
    await handle_ended(approved)
    over = await says(mandate_up, "show", approved.id)
    late = json.loads(await says(mandate_up, "show", approved.id, "--json"))
    written = await says(mandate_up, "report", approved.id, "-o", f"{tmp_path}/r.html")
    again = await says(mandate_up, "report", approved.id, "-o", f"{tmp_path}/r.html", code=2)
    await until_gate(rejected, "ok")
    await mandate_up.vote(rejected.id, "ok", "reject")
    await handle_ended(rejected)
    refused = await says(mandate_up, "show", rejected.id, code=4)
    stranger = await says(mandate_up, "show", f"{approved.id}/look", code=2)
    nobody = await says(mandate_up, "show", "no-such-run", code=2)
    unreported = await says(mandate_up, "report", "no-such-run", code=2)
    page = (tmp_path / "r.html").read_text()

    assert "bytes, to be opened in any browser" in written
    assert "is there already" in again
    assert "there is no run 'no-such-run'" in unreported
    assert "The ledger is intact, and agrees with the history." in page
    assert page.count('<rect class="beta"') >= 2  # PLAN and EXECUTE of the stage
    assert "they said so, nobody has proven it" in page
    assert "waiting  ok: " in waiting
    assert "inventory.json" in waiting  # of a stage that is over, while the run is not
    assert early["stages"][0]["seconds"] > 0
    assert early["ledger"]
    assert "         approve by " in over
    assert ", claimed" in over
    assert over.endswith("ended    completed\n")
    assert [each["stage"] for each in late["stages"]] == ["look", "ok"]
    assert late["stages"][0]["outputs"][0]["size"] > 0
    assert all(each["seconds"] is not None for each in late["stages"])
    assert late["ledger"][0] <= late["ledger"][1]
    assert "ended    rejected: stage 'ok' rejected: " in refused
    assert "is a workflow of type 'Agent', and no run" in stranger
    assert nobody.startswith("mandate show: there is no run 'no-such-run'")


async def test_runs_are_listed_with_what_they_do_and_whom_they_wait_for(mandate_up: MandateUp):
    plan = asks()
    handle = await mandate_up.start(plan)
    await until_gate(handle, "ok")
    waiting = await row_of(mandate_up, handle.id, "waiting")
    table = await says(mandate_up, "runs")
    await mandate_up.vote(handle.id, "ok", "reject")
    await handle_ended(handle)
    ended = await row_of(mandate_up, handle.id, "rejected")

    assert waiting["waiting_for"][0]["gate"] == "ok"
    (line,) = (each for each in table.splitlines() if each.startswith(handle.id))
    assert "  waiting  " in line
    assert line.endswith("ok: waiting for 1 more of: ann")
    assert ended["waiting_for"] == []
    assert waiting["pipeline"] == ended["pipeline"] == plan["name"]
    assert (waiting["started"], waiting["ended"]) == (ended["started"], "")
    assert ended["ended"] > ended["started"]
    assert not any("/look" in each for each in table.splitlines())  # no workflow of an agent


def slowly(folder: SlowFolder) -> dict[str, Any]:
    """A pipeline whose agent takes until ``folder`` is empty; then somebody is asked."""
    look = stage("look", config={"inputs": {"path": folder.name}})
    return pipeline(look, gate("ok", requires=["look"]))


async def until_connected(pid: int, address: str) -> None:
    """Wait until that process talks to the server: before, it can say nothing of what it does."""
    port = f"{int(address.rpartition(':')[2]):04X}"
    process = Path("/proc") / str(pid)

    def talks() -> bool:
        rows = [line.split() for line in (process / "net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in rows if row[2].endswith(f":{port}") and row[3] == "01"}
        held = {str(each.readlink()) for each in (process / "fd").iterdir()}
        return any(f"socket:[{inode}]" in held for inode in inodes)

    await eventually(talks, within_s=30)


async def test_whom_a_run_waits_for_is_waited_for(mandate_up: MandateUp):
    slow = mandate_up.slow_folder()
    handle = await mandate_up.start(slowly(slow))
    await mandate_up.until_agent_works()
    await mandate_up.vote(handle.id, "ok")
    words = ("gates", handle.id, "--wait")
    late = ""
    async with asyncio.timeout(SAID_S_MAX):
        while "at work" not in late:  # where the run has answered within that second
            late = await says(mandate_up, *words, "--timeout", "1s", code=124)
    await row_of(mandate_up, handle.id, "running")
    async with typed(mandate_up, *words) as stopped, typed(mandate_up, *words) as waiting:
        early = await says(mandate_up, "gates", handle.id)
        table = await says(mandate_up, "runs")
        await until_connected(stopped.pid, mandate_up.env["TEMPORAL_ADDRESS"])
        stopped.send_signal(signal.SIGINT)
        left, _ = await stopped.communicate()
        slow.empty()
        waited, _ = await waiting.communicate()
    listed = 'MandateGates="ok" AND ExecutionStatus="Running"'
    _, found = await mandate_up.cli("workflow", "list", "--query", listed)
    told = json.loads(await says(mandate_up, *words, "--json"))
    code, said = await mandate_up.cli(*shlex.split(told["answers"][1])[1:])
    await result_of(handle)
    over = await says(mandate_up, *words, code=1)

    assert late == (f"mandate gates: the run {handle.id!r} asks nobody within 1s; at work: look\n")
    assert (stopped.returncode, waiting.returncode) == (130, 0)
    assert left.decode() == "nobody has been asked yet; what runs goes on\n"
    assert f"  answer   mandate approve {handle.id} ok" in waited.decode().splitlines()
    for shown in (early, waited.decode()):
        assert "vote had no effect: gate 'ok' is not pending" in shown  # it came too early
    assert "at work: look; 1 void, last: vote: gate 'ok' is not pending" in table
    assert handle.id in found  # at once, wherever the next line looks
    assert (told["gate"], len(told["void_messages"])) == ("ok", 1)
    assert code == 0, said
    assert over == (
        f"mandate gates: the run {handle.id!r} is completed: nobody is waited for there; "
        f"see: mandate show {handle.id}\n"
    )


async def handle_ended(handle: Any) -> None:
    async with asyncio.timeout(60):
        while (await handle.describe()).status.name == "RUNNING":  # noqa: ASYNC110  # the server's
            await asyncio.sleep(0.1)


async def test_a_run_is_paused_resumed_and_cancelled(mandate_up: MandateUp):
    handle = await mandate_up.start(asks())
    await until_gate(handle, "ok")

    assert "paused; stages at work finish" in await says(mandate_up, "pause", handle.id)
    await row_of(mandate_up, handle.id, "paused")
    assert "goes on" in await says(mandate_up, "resume", handle.id)
    await row_of(mandate_up, handle.id, "waiting")
    assert "cancel requested" in await says(mandate_up, "cancel", handle.id)
    await handle_ended(handle)
    await row_of(mandate_up, handle.id, "cancelled")
    for command in ("cancel", "pause", "resume"):
        said = await says(mandate_up, command, handle.id, code=1)
        assert said == f"mandate {command}: the run {handle.id!r} is cancelled already\n"


async def test_what_is_no_run_is_refused(mandate_up: MandateUp):
    handle = await mandate_up.start(asks())
    await until_gate(handle, "ok")

    for words in (("watch", "no-such"), ("gates", "no-such"), ("gates", "no-such", "--wait")):
        assert "there is no run 'no-such'" in await says(mandate_up, *words, code=2)
    said = await says(mandate_up, "cancel", f"{handle.id}/look", code=2)
    assert "is a workflow of type 'Agent', and no run" in said
    below = ("run", "code-review", "--id", f"{handle.id}/look/more")
    said = await says(mandate_up, *below, code=2)
    assert f"is below that of the run '{handle.id}', as those of its stages are" in said
    await handle.cancel()


async def test_gates_are_watched_until_ctrl_c(mandate_up: MandateUp):
    async with typed(mandate_up, "gates", "--watch") as process:
        await until(process, lambda line: "no gate waits" in line or "  in  " in line)
        handle = await mandate_up.start(asks())
        await until(process, lambda line: line.startswith(f"ok  in  {handle.id}"))
        await mandate_up.vote(handle.id, "ok")
        await result_of(handle)
        process.send_signal(signal.SIGINT)
        await process.communicate()

    assert process.returncode == 0


async def test_a_verdict_can_be_had_as_json(mandate_up: MandateUp, tmp_path: Path):
    proven = gate("ok", approvers=["group:sre"], identity=["verified"])
    handle = await mandate_up.start(after_look(proven))
    await until_gate(handle, "ok")
    ann = demo_person(mandate_up, tmp_path, "ann")
    await ann.log_in()
    words = ("approve", handle.id, "ok", "--yes", "--json")
    counted, late = [await ann.mandate(*words) for _ in range(2)]
    told = json.loads(counted.out)

    assert (counted.code, late.code) == (0, 1)
    assert (told["run"], told["gate"], told["decision"]) == (handle.id, "ok", "approve")
    assert told["counted"] is True
    assert told["verdict"].startswith("counted: approve at ok; ")
    assert late.out == ""

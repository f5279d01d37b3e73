"""``mandate demo``: the real thing in a minute, on a stack of its own.

Brings the whole stack up on free ports in a temporary directory, reviews a checkout with the
catalogue's ``code-review``, and stops at its gate. There it shows the worst findings, which are
what is approved, and the very line that answers. On a terminal a person types it (elsewhere);
without one the demo runs that line itself, with the real CLI. Then it shows who approved and how
that was known, and what the ledger says.

The stack ends with the demo, and nothing is shown that leads to it, unless ``--keep`` keeps it up
until Ctrl-C.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHandle

from activities.runtime.client import connect
from dsl.shown.surfaces import Terminal
from dsl.values import strict_json
from integrations.artifacts.store import Artifacts
from integrations.ledger.verify import verify
from integrations.settings import read_settings
from mandate._entry import EXIT_FAILED
from mandate._path import app_dir
from mandate.people.runs import ADDRESS_MAX, address
from mandate.people.starting import Order, start
from mandate.stack import environment
from mandate.stack.errors import StackError
from mandate.stack.options import private_stack
from mandate.stack.servers import binaries
from mandate.stack.up import Stack
from mandate.terminal import complain, note, say
from mandate.work.run.watch import outcome

RUN: Final = "code-review-demo"
PIPELINE: Final = "code-review"
GATE: Final = "sign-off"
FINDINGS_SHOWN: Final = 5
FINDINGS_BYTES_MAX: Final = 16 * 1024 * 1024
GATE_WAIT_S: Final = 180
PERSON_WAIT_S: Final = 1_800
_KNOWN: Final = {
    "claimed": Terminal(", at their word: this gate asks for no proof"),
    "verified": Terminal(", proven by their own key in Vault"),
}


def run(workspace: Path | None, *, keep: bool = False) -> int:
    """Show everything once; return the exit code."""
    return asyncio.run(_demo((workspace or _here()).resolve(), keep=keep))


async def _demo(workspace: Path, *, keep: bool) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we are in it
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with tempfile.TemporaryDirectory(prefix="mandate-demo-") as folder:
        options = private_stack(
            Path(folder) / "data", settings={"MANDATE_WORKSPACE": str(workspace)}
        )
        say(Terminal("starting Temporal, OpenBao, Valkey and the workers ..."))
        try:
            async with Stack(options) as stack:
                code, page = await _show(stack, workspace)
                if keep:
                    await _keep(stack, page)
                else:
                    say(Terminal("this stack ends now; to look around in it: mandate demo --keep"))
                return code
        except StackError as error:
            complain(error, "mandate demo")
            return error.exit_code
        except asyncio.CancelledError:
            return EXIT_FAILED


async def _keep(stack: Stack, page: str) -> None:
    """Keep the stack up until Ctrl-C, where the links lead."""
    say(
        Terminal.of("the run in the Web UI: {}", page, limit=ADDRESS_MAX),
        Terminal.of("for a terminal: {}", environment.sourced(stack.data_dir)),
        Terminal("it stays up until Ctrl-C"),
    )
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def _show(stack: Stack, workspace: Path) -> tuple[int, str]:
    """Return the exit code, and the page of the run."""
    settings = read_settings(stack.env)
    client = await connect(settings)
    say(Terminal.of("reviewing {}, which may take a minute", workspace))
    handle = await start(client, Order(PIPELINE, {}, PIPELINE), RUN)
    page = address(stack.env, handle.id, handle.first_execution_run_id or "")
    if sys.stdin.isatty():  # somebody is there while it is up
        say(Terminal.of("watch it: {}", page, limit=ADDRESS_MAX), Terminal())
    waiting = await _until_gate(handle)
    if waiting is not None:
        findings = _findings(waiting["subject"], Artifacts(settings.artifacts))
        say(*findings_lines(findings), Terminal())
        await _answer(handle, settings.temporal)
    code = await outcome(handle)
    if code == 0:
        report = await handle.result()
        say(Terminal(), *approval_lines(report["approvals"]))
    return _ledger(settings.ledger) or code, page


async def _until_gate(handle: WorkflowHandle[Any, Any]) -> dict[str, Any] | None:
    """Return the pending gate; None when the run ended without asking."""
    async with asyncio.timeout(GATE_WAIT_S):
        result = asyncio.ensure_future(handle.result())
        try:
            while not result.done():
                pending = await handle.query("gates")
                if pending:
                    gate: dict[str, Any] = pending[0]
                    return gate
                await asyncio.sleep(0.2)
        finally:
            result.cancel()
            await asyncio.gather(result, return_exceptions=True)
    return None


async def _answer(handle: WorkflowHandle[Any, Any], temporal: str) -> None:
    line = vote_line(temporal, handle.id)
    say(Terminal("the run waits for team-lead. This line answers the gate:"), Terminal())
    say(Terminal.of("  {}", line, limit=ADDRESS_MAX), Terminal())
    if sys.stdin.isatty():
        say(Terminal("paste it in another terminal, or press Enter here and it is run for you."))
        if not await _person_answers(handle):
            await _type(line)
        return
    say(Terminal("no terminal here, so the demo runs that line itself:"))
    await _type(line)


def vote_line(temporal: str, workflow_id: str) -> str:
    """Return the command that approves the demo's gate, whatever is on the ``PATH``."""
    vote = {"gate": GATE, "decision": "approve", "voter": "team-lead"}
    words = (
        *(str(binaries.temporal()), "workflow", "signal", "--address", temporal),
        *("-w", workflow_id, "--name", "vote", "--input", json.dumps(vote)),
    )
    return shlex.join(words)


async def _person_answers(handle: WorkflowHandle[Any, Any]) -> bool:
    """Wait for a vote from elsewhere, or for Enter; tell whether the gate was answered."""
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), entered.set)
    try:
        async with asyncio.timeout(PERSON_WAIT_S):
            while not entered.is_set():
                if not await handle.query("gates"):
                    return True
                await asyncio.sleep(0.5)
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return False


async def _type(line: str) -> None:
    process = await asyncio.create_subprocess_exec(*shlex.split(line))
    if await process.wait() != 0:
        raise StackError(f"this line failed: {line}")


def findings_lines(findings: Sequence[Mapping[str, Any]]) -> Iterator[Terminal]:
    """Yield the worst findings, as the agent has sorted them, and how many there are."""
    shown = findings[:FINDINGS_SHOWN]
    yield Terminal.of("{} findings; the {} worst:", len(findings), len(shown))
    for each in shown:
        place = Terminal.of("{}:{}", each["file"], each["line"])
        rule = Terminal.of("{} {}", each["tool"], each["rule"])
        yield Terminal.of("  {:<6}  {}  {}  {}", each["severity"], place, rule, each["message"])


def approval_lines(approvals: Sequence[Mapping[str, Any]]) -> Iterator[Terminal]:
    """Yield who has approved, and how it is known that it was them."""
    for gate in approvals:
        for vote in gate["votes"]:
            known = _KNOWN.get(vote["identity"], Terminal())
            voter, what = vote["voter"], vote["decision"]
            yield Terminal.of("{} at {} by {}{}", what, gate["gate"], voter, known)


def _findings(
    subject: Mapping[str, Mapping[str, str]], artifacts: Artifacts
) -> list[dict[str, Any]]:
    """Return the findings that are approved: by stage and name, the digests of a gate's subject."""
    content = artifacts.get(subject["review"]["findings.json"])
    found: list[dict[str, Any]] = strict_json.read(content, bytes_max=FINDINGS_BYTES_MAX)
    return found


def _ledger(path: Path) -> int:
    verdict = verify(path)
    if verdict.problems:
        note(Terminal("ledger: BROKEN"), *(Terminal.of("{}", each) for each in verdict.problems))
        return EXIT_FAILED
    sound = (verdict.entries, verdict.head[:16])
    say(Terminal.of("ledger: {} entries, chain verified, head {}", *sound))
    return 0


def _here() -> Path:
    """Return the checkout this command was installed from, else the current directory."""
    root = app_dir()
    return root if (root / "pyproject.toml").is_file() else Path.cwd()

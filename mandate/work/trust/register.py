"""``mandate register``: vouch for a pipeline, so that it may run under its own name.

1. The document is compiled here: what is signed is the digest of the plan that was read here, and
   the worker, which compiles it again, takes nothing else.
2. Registering changes no run that is under way. Who registered is excluded where a gate excludes
   the author.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.contracts.specs import QUEUE, REGISTRATION_WORKFLOW
from dsl.compiler import Compiled, compile_text
from dsl.errors import DslError
from dsl.rules.proofs.proof import PLAN
from dsl.shown.surfaces import Terminal
from mandate import catalogue
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, words_of_cause
from mandate.people.gates.statements import Signed, sign
from mandate.people.login.session import session
from mandate.stack import environment
from mandate.terminal import complain, note, say

ANSWER: Final = timedelta(seconds=60)
_DIGEST_SHOWN: Final = 16  # hexadecimal digits, in the workflow id
_NONCE_SHOWN: Final = 8


def run(file: Path, *, data_dir: Path | None) -> int:
    """Register the pipeline of ``file``; return the exit code."""
    try:
        content = file.read_bytes()
        env = environment.present(data_dir)
        templates, servers = catalogue.templates(env).look(), catalogue.servers(env).look()
        # (1) signed is what was read here
        compiled = compile_text(content, str(file), templates, servers)
    except OSError as error:
        note(Terminal.of("mandate register: cannot read {}: {}", file, error.strerror))
        return EXIT_USAGE
    except DslError as error:
        complain(error)
        return EXIT_USAGE
    return enter("register", _register(content.decode(), compiled, data_dir))


def workflow_id(digest: str, nonce: str) -> str:
    """Return the id of the workflow that registers a plan."""
    return f"registration/{digest.removeprefix('sha256:')[:_DIGEST_SHOWN]}-{nonce[:_NONCE_SHOWN]}"


async def _register(document: str, compiled: Compiled, data_dir: Path | None) -> int:
    env = environment.present(data_dir)
    plan = compiled.plan
    note(Terminal.of("plan     {} {}  {}", plan.name, plan.version, compiled.digest))
    about = {"plan": compiled.digest, "name": plan.name, "version": plan.version}
    async with session(env) as who:
        client = await temporal(env)
        signed = await sign(who, PLAN, about)
    try:
        answer = await _ask(client, document, compiled.digest, signed)
    except WorkflowFailureError as failure:
        say(Terminal.of("refused: {}", words_of_cause(failure.cause)))
        return EXIT_FAILED
    again = Terminal(" (it was registered before)") if answer.get("already") else Terminal()
    words = (plan.name, plan.version, answer.get("author"), answer.get("seq"), again)
    say(Terminal.of("registered: {} {} by {}, ledger entry {}{}", *words))
    return 0


async def _ask(client: Client, document: str, digest: str, signed: Signed) -> dict[str, Any]:
    name = workflow_id(digest, signed.nonce)
    try:
        handle = await client.start_workflow(
            REGISTRATION_WORKFLOW,
            {"document": document, "proof": signed.word},
            id=name,
            task_queue=QUEUE,
        )
    except WorkflowAlreadyStartedError:
        raise RefusalError("{} was taken by something else: run this again", name) from None
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            answer = await handle.result()
    except TimeoutError:
        raise RefusalError(
            "no answer within {:g} s; see: temporal workflow result -w {}",
            ANSWER.total_seconds(),
            handle.id,
        ) from None
    if not isinstance(answer, dict):
        raise RefusalError("the answer of the registration cannot be read")
    return answer

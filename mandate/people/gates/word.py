"""What a command orders of the engine: in whose word it is sent, and what came of it.

1. It is the word of the person who is logged in, else of the name of whoever runs the command, as
   claimed. That it goes out without a proof, where there was to be one, is said.
2. What is sent goes on whatever happens here: who waits no longer is told where to look.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowHandle

from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from mandate.people.errors import RefusalError
from mandate.people.gates.statements import sign
from mandate.people.login.session import kept, session
from mandate.terminal import note

ANSWER: Final = timedelta(seconds=60)


async def in_whose_word(
    env: Mapping[str, str], purpose: str, about: Mapping[str, str], unproven: Terminal
) -> dict[str, str]:
    """Return the fields that say whose word it is (1); ``unproven`` says what has no proof."""
    url = env.get("VAULT_ADDR", "")
    try:
        if url and kept().get(url) is not None:
            async with session(env) as who:
                return {"proof": (await sign(who, purpose, about)).word}
    except (RefusalError, IntegrationError) as error:
        note(Terminal.of("{}: {}", unproven, error))
    return {"by": getpass.getuser()}


async def report_of(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Return what the workflow reports (2).

    Raises:
        RefusalError: there is no report yet, or none that can be read.
        WorkflowFailureError: it has failed.
    """
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            report = await handle.result()
    except TimeoutError:
        raise RefusalError(
            "no answer within {:g} s, and it goes on; see: temporal workflow describe -w {}",
            ANSWER.total_seconds(),
            handle.id,
        ) from None
    if not isinstance(report, dict):
        raise RefusalError("its report cannot be read")
    return report

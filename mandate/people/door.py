"""How a command that somebody is behind comes in and goes out: servers, sentences, exit codes.

Exit codes: 0 done, 1 not done, 2 wrong usage, nobody logged in, or what was named is not there.
Whatever fails on the way is one sentence on stderr, never a traceback. Nobody waits for a server in
silence: what is waited for longer than ``SILENT_S`` is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.runtime.client import connect
from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.settings import SettingsError, read_settings
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.errors import RefusalError, exit_code_of
from mandate.stack.errors import StackError
from mandate.terminal import complain, told_after
from mandate.unanswered import why_of, words_of

SILENT_S: Final = 2.0


def enter(command: str, work: Coroutine[Any, Any, int]) -> int:
    """Do the work of ``mandate <command>``; return its exit code."""
    why: Exception
    try:
        return asyncio.run(work)
    except (RefusalError, StackError, IntegrationError) as error:
        code, why = exit_code_of(error), error
    except SettingsError as error:
        code, why = EXIT_USAGE, error
    except RPCError as error:
        code, why = EXIT_FAILED, RefusalError("temporal: {}", words_of(error))
    except UnicodeEncodeError as error:  # bytes of an argument, which no server takes
        code, why = EXIT_USAGE, RefusalError("{} is no text in UTF-8", repr(error.object))
    complain(why, f"mandate {command}")
    return code


async def temporal(env: Mapping[str, str]) -> Client:
    """Connect to Temporal as the environment says.

    Raises:
        RefusalError: nothing answers there.
    """
    settings = read_settings(env)
    waits = Terminal.of("waiting for Temporal at {}, which has not answered yet", settings.temporal)
    try:
        with told_after(SILENT_S, waits):
            return await connect(settings)
    except (RPCError, RuntimeError) as error:
        raise RefusalError(
            "no answer from Temporal at {} ({})",
            settings.temporal,
            why_of(error),
            typed="is `mandate up` running?",
        ) from None

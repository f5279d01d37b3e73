"""``mandate up``: servers and workers in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

from dsl.shown.surfaces import Terminal
from mandate.stack import environment
from mandate.stack.errors import StackError
from mandate.stack.options import StackOptions
from mandate.stack.up import Stack
from mandate.terminal import complain, note, say

UP_LINE = "mandate is up"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: StackOptions) -> int:
    """Keep the stack up until a signal; return the exit code."""
    told = replace(options, report=lambda message: note(Terminal.of("{}", message)))
    return asyncio.run(_until_signalled(told))


async def _until_signalled(options: StackOptions) -> int:
    serving = asyncio.create_task(_serve(options))
    loop = asyncio.get_running_loop()
    # Cancelling twice would cut the stopping short: a second Ctrl-C changes nothing.
    asked = asyncio.Event()

    def stop() -> None:
        if not asked.is_set():
            asked.set()
            serving.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        say(Terminal("mandate is down"))
    except StackError as error:
        complain(error, "mandate")
        return error.exit_code
    return 0


async def _serve(options: StackOptions) -> None:
    async with Stack(options) as stack:
        _show(stack)
        await asyncio.Event().wait()  # until cancelled


def _show(stack: Stack) -> None:
    for name, url in stack.urls.items():
        say(Terminal.of("{:<10} {}", name, url))
    for name, url in stack.health.items():
        say(Terminal.of("{:<10} {} ({})", "health", url, name))
    say(Terminal.of("{:<10} {}", "logs", stack.data_dir / "logs"))
    say(Terminal.of("{:<10} {}", "variables", environment.sourced(stack.data_dir)))
    if stack.people is not None:
        say(Terminal.of("{:<10} {} (passwords, for mandate login)", "people", stack.people))
    if stack.trial:
        say(Terminal.of("{:<10} {}", "TRIAL", stack.trial))
    say(Terminal.of("{}", UP_LINE))

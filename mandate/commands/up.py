"""``mandate up``: servers and workers in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace

from mandate.stack import environment
from mandate.stack.errors import StackError
from mandate.stack.options import StackOptions
from mandate.stack.up import Stack

UP_LINE = "mandate is up"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: StackOptions) -> int:
    """Keep the stack up until a signal; return the exit code."""
    told = replace(options, report=lambda message: print(message, file=sys.stderr, flush=True))
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
        print("mandate is down")
    except StackError as error:
        print(f"mandate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


async def _serve(options: StackOptions) -> None:
    async with Stack(options) as stack:
        _show(stack)
        await asyncio.Event().wait()  # until cancelled


def _show(stack: Stack) -> None:
    for name, url in stack.urls.items():
        print(f"{name:<10} {url}")
    print(f"{'logs':<10} {stack.data_dir / 'logs'}")
    print(f"{'variables':<10} . {stack.data_dir / environment.ENV_FILE}")
    if stack.people is not None:
        print(f"{'people':<10} {stack.people} (passwords, for mandate login)")
    print(UP_LINE, flush=True)

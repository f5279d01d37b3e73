"""The one way out of every short-lived process of ours.

The Temporal SDK aborts in about every fifth interpreter that ends right after using it
(temporalio/sdk-python#300): a native thread touches Python while it is being torn down. The work
is done by then, but the exit code says 134 or 139. So an entry point (1) turns what its function
returns or raises into an exit code, (2) flushes the standard streams, and (3) leaves by
``os._exit``, which tears nothing down. What must happen at the end belongs into a ``finally`` of
the function, never into ``atexit``. (4) Ctrl-C is no failure, also while a module is imported:
Python and compiled code (pydantic's) may make an error of their own of it.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_TIMED_OUT = 124  # as timeout(1) has it
EXIT_INTERRUPTED = 130

_OF_AN_IMPORT = "<module>"  # the code of a module that is being imported

Main = Callable[[], object] | Coroutine[Any, Any, object]


def run_main(main: Main) -> NoReturn:
    """Run a function, a coroutine function or a coroutine, then end the process.

    An ``int`` it returns is the exit code; anything else counts as success.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that its encoding lacks is no failure
    code = _run(main)  # (1) an exit code, whatever happened
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a closed pipe must not change the code
            stream.flush()  # (2) flushed
    os._exit(code)  # (3) nothing is torn down


def _run(main: Main) -> int:
    try:
        result = main() if callable(main) else main
        if inspect.iscoroutine(result):
            import asyncio  # noqa: PLC0415 - what awaits nothing is done before it is loaded

            result = asyncio.run(result)
    except SystemExit as stop:
        return _code_of(stop)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - what Python itself does with an uncaught one
        if _was_interrupted(error):
            return EXIT_INTERRUPTED
        _print(traceback.format_exc())
        return EXIT_FAILED
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _was_interrupted(error: BaseException) -> bool:
    """Tell whether an import failed by Ctrl-C (4).

    A class that was being made has it as a cause; compiled code only quotes it.
    """
    frames = traceback.walk_tb(error.__traceback__)
    is_import = any(frame.f_code.co_name == _OF_AN_IMPORT for frame, _ in frames)
    is_cause = isinstance(error.__cause__, KeyboardInterrupt)
    return is_import and (is_cause or KeyboardInterrupt.__name__ in str(error))


def _print(trace: str) -> None:
    """Print what Python would, with a margin: an exception may quote anybody."""
    from dsl.shown.surfaces import Terminal  # noqa: PLC0415 - our folders may be claimed only by now

    for line in Terminal.excerpt(trace.splitlines()):
        print(line, file=sys.stderr)  # noqa: T201


def _code_of(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)  # noqa: T201 - words of ours
    return EXIT_FAILED

"""Where every command prints: one line of ours, made for a terminal, or JSON as it is.

Nothing else in this package prints; a test reads the code for it. What a terminal obeys cannot
get through: a line is a ``Terminal``, see ``dsl.shown.surfaces``, and JSON escapes it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import termios
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from dsl.errors import DslError
from dsl.shown.surfaces import Html, Terminal
from mandate.stack.errors import StackError

if TYPE_CHECKING:
    import asyncio

ERROR_MAX: Final = 2_000  # characters
READING_S: Final = 3_600.0  # until somebody who was asked has answered
_LAID_OUT: Final = (DslError, StackError)  # over several lines, and each marks whose it is


def say(*lines: Terminal) -> None:
    """Print what was asked for."""
    for line in lines:
        print(line, flush=True)


def say_document(document: Html) -> None:
    """Print a document, for a file or a program; what is in it is legible at a terminal, too."""
    print(document, end="", flush=True)


def note(*lines: Terminal) -> None:
    """Say something beside it, on stderr."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)


@contextmanager
def told_after(seconds: float, line: Terminal) -> Iterator[None]:
    """Say on stderr that something is waited for, where it takes longer than that."""
    import asyncio  # noqa: PLC0415 - every command prints, and few wait

    saying = asyncio.get_running_loop().call_later(seconds, note, line)
    try:
        yield
    finally:
        saying.cancel()


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how much of ``total`` is done, where somebody waits at a terminal."""
    shown = -1

    def show(done: int) -> None:
        nonlocal shown
        percent = 100 * done // total if total else 100
        if percent != shown and sys.stderr.isatty():
            print(f"\r{what} {percent:3} %", end="", file=sys.stderr, flush=True)
        shown = percent

    try:
        yield show
    finally:
        if shown >= 0 and sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def clear() -> None:
    """Begin at the top of an empty screen; in a pipe, go on below an empty line."""
    print("\x1b[H\x1b[2J" if sys.stdout.isatty() else "", flush=True)


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Print a value for a program: exact, and in ASCII."""
    print(json.dumps(value, indent=indent, sort_keys=indent is not None), flush=True)


def say_bytes(data: bytes) -> None:
    """Write bytes as they are, to what is no terminal."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def page(lines: Iterable[Terminal]) -> None:
    """Have the pager of PAGER, else less, show lines; print them where there is no terminal.

    ``less`` is told to run nothing and to obey nothing that it is shown.
    """
    words = shlex.split(os.environ.get("PAGER", "")) or ["less"]
    found = shutil.which(words[0]) if sys.stdout.isatty() else None
    if found is None:
        say(*lines)
        return
    env = {**os.environ, "LESSSECURE": "1", "LESSOPEN": "", "LESS": ""}
    subprocess.run(  # noqa: S603 - the caller's own pager
        [found, *words[1:]], input="\n".join(map(str, lines)), text=True, env=env, check=False
    )


def at_terminal() -> bool:
    """Tell whether somebody can be asked, and sees what is asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def confirmed(question: Terminal) -> bool:
    """Ask at the terminal; only ``y`` or ``yes``, typed after the question, is a yes.

    What was typed before it was put is no answer to it, so it is thrown away.
    """
    import asyncio  # noqa: PLC0415 - every command prints, and few ask

    terminal = sys.stdin.fileno()
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    termios.tcflush(terminal, termios.TCIFLUSH)
    print(question, end="", file=sys.stderr, flush=True)
    asyncio.get_running_loop().add_reader(terminal, _once, answered)
    try:
        async with asyncio.timeout(READING_S):
            await answered
    except TimeoutError:
        return False
    finally:
        asyncio.get_running_loop().remove_reader(terminal)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _once(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)


def complain(error: Exception, who: str = "") -> None:
    """Say on stderr what an error says; ``who`` is the command that met it."""
    first, *rest = told(error)
    note(Terminal.of("{}: {}", who, first) if who else first, *rest)


def laid_out(lead: Terminal, text: str) -> list[Terminal]:
    """Return the first line of a text behind ``lead``, the others of it behind a margin.

    One that is too long is a single line, and cut.
    """
    first, *rest = text.split("\n") if len(text) <= ERROR_MAX else [text]
    return [Terminal.of("{}: {}", lead, first, limit=ERROR_MAX), *Terminal.excerpt(rest)]


def told(error: Exception) -> list[Terminal]:
    """Return the lines of an error: of a report as it is laid out, of any other just one."""
    if isinstance(error, _LAID_OUT):
        return Terminal.report(str(error))
    return [Terminal.of("{}", error, limit=ERROR_MAX)]

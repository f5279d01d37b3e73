"""``mandate tools check``: do the tools of a server say what somebody has looked at?

It starts each server in the sandbox in which a call would run, lists its tools and compares. The
rules:

1. Nothing is called, and without ``--pin`` nothing is written.
2. ``--pin`` shows every tool that was not pinned as it is now, with the words of its server: these
   a model will read.
3. Exit code 0: all that is listed is pinned; 1: something is not, or a server does not list its
   tools; 2: wrong usage.
4. What a server is handed for calls is read as the agent that calls, which nobody here is: whoever
   checks hands it over in files. It stands in no argument list.
5. A server has its time to come up, whatever one call may take. Whoever waits for it is told so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from dsl.shown.surfaces import Terminal
from dsl.stages.fields import SECRET_NAME_PATTERN
from dsl.tools.folders import ServerFile
from dsl.tools.servers import ToolServer
from integrations.errors import DeniedError, IntegrationError
from integrations.notify.secret_files import read_secret
from integrations.settings import SettingsError, read_settings
from integrations.tools.listing import Comparison, compare
from integrations.tools.pins import write_pins
from integrations.tools.serving import Surroundings, serving
from integrations.tools.session import START_S
from integrations.tools.surroundings import surroundings_of
from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.stack import environment
from mandate.terminal import complain, note, say, say_json, told_after
from mandate.typed_pairs import by_name
from mandate.work.operate.tools import folders_of, server_named

DESCRIPTION_MAX: Final = 300  # characters
SILENT_S: Final = 5.0  # until somebody is told that a server is waited for
_SETTLED: Final = {"new": "pinned now", "changed": "pinned now", "gone": "its pin is dropped"}


def run(
    names: Sequence[str],
    *,
    pin: bool,
    as_json: bool,
    data_dir: Path | None,
    secrets: Sequence[str] = (),
) -> int:
    """Check the servers called ``names``, or all; return the exit code (3)."""
    folders = folders_of(data_dir)
    if folders is None:
        return EXIT_USAGE
    try:
        around, handed = around_of(data_dir), handed_in(secrets)
    except (SettingsError, UsageError, DeniedError) as error:
        complain(error, "mandate tools check")
        return EXIT_USAGE
    wanted = names or sorted(folders.view().files)
    files = [server_named(folders, name) for name in wanted]
    if None in files:
        return EXIT_USAGE
    codes = [
        _check(file, around, handed, pin=pin, as_json=as_json) for file in files if file is not None
    ]
    return max(codes, default=0)


def around_of(data_dir: Path | None) -> Surroundings:
    """Return what this machine offers to servers.

    Raises:
        SettingsError: a variable cannot be read.
    """
    return surroundings_of(read_settings(environment.present(data_dir)))


def handed_in(words: Sequence[str]) -> dict[str, str]:
    """Return the secrets that ``NAME=FILE`` names: what a server is handed by yourself (4).

    Raises:
        UsageError: one of them is none, or a name is given twice.
        DeniedError: its file cannot be read.
    """
    try:
        files = by_name("--secret", map(_handed, words))
    except ValueError as error:
        raise UsageError("{}", error) from None
    return {name: read_secret(file) for name, file in files.items()}


def _handed(word: str) -> tuple[str, str]:
    name, equals, file = word.partition("=")
    if not equals or re.fullmatch(SECRET_NAME_PATTERN, name) is None or not file:
        raise ValueError("--secret: expected NAME=FILE, as the server's file names it")
    return name, file


def handed_of(server: ToolServer, handed: Mapping[str, str]) -> dict[str, str]:
    """Return those that ``server`` declares.

    Raises:
        DeniedError: one of them was not given.
    """
    missing = next((name for name in sorted(server.secrets) if name not in handed), None)
    if missing is not None:
        raise DeniedError(
            f"it is handed secret {missing}, which is read for agents alone: say --secret "
            f"{missing}=FILE"
        )
    return {name: handed[name] for name in server.secrets}


def _check(
    file: ServerFile,
    around: Surroundings,
    handed: Mapping[str, str],
    *,
    pin: bool,
    as_json: bool,
) -> int:
    server, known = file.server, file.known()
    try:
        found = asyncio.run(_compared(file, around, handed_of(server, handed)))
        if pin:
            listed = [each.listed for each in found if each.listed is not None]
            write_pins(file.pins_path, server.name, listed)
    except (IntegrationError, OSError) as error:
        if as_json:
            say_json({"server": server.name, "error": str(error)})
        else:
            complain(error, f"mandate tools check {server.name}")
        return 1
    if as_json:
        for each in found:
            digest = each.listed.digest if each.listed else None
            row = {"server": server.name, "tool": each.tool, "state": each.state, "why": each.why}
            say_json({**row, "digest": digest, "now_pinned": pin and bool(digest)})
    else:
        _tell(server.name, found, pin=pin)
        if not pin and known.why_unpinned:
            note(Terminal.of("{}: {}", server.name, known.why_unpinned))
    wrong = [each for each in found if not each.is_pinned and not (pin and _is_settled(each))]
    return 1 if wrong else 0


def _is_settled(each: Comparison) -> bool:
    """Tell whether pinning has settled it: what cannot be pinned is no tool for anybody."""
    return each.state != "unusable"


async def _compared(
    file: ServerFile, around: Surroundings, handed: Mapping[str, str]
) -> list[Comparison]:
    with waited_for(file.server.name):  # (5) somebody waits
        async with serving(file.server, around, environment=handed) as session:
            return compare(await session.tools(), file.known().digests)


def waited_for(server: str, call_ms: int | None = None) -> AbstractContextManager[None]:
    """Say that a server is waited for, where it is slow (5), and its call for ``call_ms``."""
    called = Terminal()
    if call_ms is not None:
        called = Terminal.of(", and {} s for the call", f"{call_ms / 1_000:g}")
    line = Terminal.of(
        "{}: no answer yet: it has {} s to greet, and {} s to list its tools{}",
        *(server, f"{START_S:g}", f"{START_S:g}", called),
    )
    return told_after(SILENT_S, line)


def _tell(name: str, found: Sequence[Comparison], *, pin: bool) -> None:
    for each in found:
        settled = pin and each.state in _SETTLED
        state = f"{each.state}, {_SETTLED[each.state]}" if settled else each.state
        say(Terminal.of("{}/{}: {}", name, each.tool, state))
        if each.why:
            say(Terminal.of("  {}", each.why))
        if each.listed is not None and not each.is_pinned:  # (2) what a model will read
            words = each.listed.description or "it says nothing of itself"
            say(Terminal.of("  {}", words, limit=DESCRIPTION_MAX))
    pinned = sum(1 for each in found if each.is_pinned)
    if not pin and pinned < len(found):
        line = Terminal.command("mandate tools check {} --pin", name)
        counts = (pinned, len(found))
        say(Terminal.of("{} of {} tools are pinned; read the others, then: {}", *counts, line))
    else:
        say(Terminal.of("{}: {} tools", name, len(found)))

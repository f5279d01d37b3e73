"""``mandate tools call``: a person calls a pinned tool, to see what agents would be let do.

It is made in the sandbox of its server, compared with its pin, as the canonical text that is shown.
No table is asked and nothing is recorded: who may read the server's file may start it anyway. So
what is to happen once is called with ``--unrecorded`` alone: an agent may have brought it about,
and none is kept from doing so after this call.
Exit code 0: the server says that it went well; 1: it does not, or nobody knows; 2: it was not made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dsl.rules.tools.calls import CallRefusedError, ToolCall, call_of, text_of
from dsl.rules.tools.hidden import without_fields
from dsl.shown.surfaces import Terminal
from dsl.tools.servers import KnownServer
from dsl.values.suggestions import suggest
from integrations.errors import DeniedError, IntegrationError
from integrations.settings import SettingsError
from integrations.tools.calling import make_call
from integrations.tools.serving import Surroundings
from integrations.tools.wire import OutcomeUnknownError
from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.terminal import at_terminal, complain, confirmed, note, say, say_json
from mandate.work.operate.tools import folders_of, server_named
from mandate.work.operate.tools_check import around_of, handed_in, handed_of, waited_for
from mandate.work.operate.tools_decide import arguments_given, tool_named

ARGUMENTS_SHOWN_MAX: Final = 4_000  # characters
ANSWER_LINE_MAX: Final = 4_000
_ONCE: Final = (
    "mandate tools call: {} is to happen once (effect {}), and this call stands on no ledger: an "
    "agent may have brought it about, and may do so again; if that is meant, say --unrecorded"
)


def run(
    tool: str,
    arguments: str,
    *,
    is_sure: bool,
    as_json: bool,
    data_dir: Path | None,
    secrets: Sequence[str] = (),
    unrecorded: bool = False,
) -> int:
    """Make the call and print the answer; return the exit code."""
    folders = folders_of(data_dir)
    if folders is None:
        return EXIT_USAGE
    try:
        server, name = tool_named(tool)
        call = call_of(server, name, arguments_given(arguments))
        around, handed = around_of(data_dir), handed_in(secrets)
    except (CallRefusedError, UsageError, SettingsError, DeniedError) as error:
        complain(error, "mandate tools call")
        return EXIT_USAGE
    file = server_named(folders, server)
    if file is None:
        return EXIT_USAGE
    known = file.known()
    if name not in known.pins:
        hint = suggest(name, known.pins, what="pinned tools") if known.pins else known.why_unpinned
        said = (server, repr(name), hint, server)
        note(
            Terminal.of(
                "mandate tools call: {} has no pinned tool named {}: {}; for what it lists now: "
                "mandate tools check {}",
                *said,
            )
        )
        return EXIT_USAGE
    effect = known.server.known_of(name).effect
    if effect is not None and not unrecorded:
        note(Terminal.of(_ONCE, call.name, effect))
        return EXIT_USAGE
    making = _made(call, known, around, handed, is_sure=is_sure, as_json=as_json)
    return asyncio.run(making)


async def _made(
    call: ToolCall,
    known: KnownServer,
    around: Surroundings,
    handed: Mapping[str, str],
    *,
    is_sure: bool,
    as_json: bool,
) -> int:
    if not is_sure:
        if not at_terminal():
            note(Terminal("mandate tools call: nobody can be asked here: say --yes"))
            return EXIT_USAGE
        said = without_fields(text_of(call.arguments), known.server.sealed_of(call.tool))
        question = Terminal.of(
            "call {} with {}? It stands on no ledger. [y/N] ",
            *(call.name, said),
            limit=ARGUMENTS_SHOWN_MAX,
        )
        if not await confirmed(question):
            return EXIT_USAGE
    try:
        given = handed_of(known.server, handed)
        with waited_for(call.server, known.server.timeout_of(call.tool)):
            answer = await make_call(call, known, around, environment=given)
    except OutcomeUnknownError as error:
        note(Terminal.of("mandate tools call: it may have been made: {}", error))
        return 1
    except IntegrationError as error:
        complain(error, "mandate tools call")
        return EXIT_USAGE
    if as_json:
        say_json({"ok": answer.ok, "answer": answer.text, "left_out": answer.left_out})
    else:
        say(*(Terminal.of("{}", line, limit=ANSWER_LINE_MAX) for line in answer.text.splitlines()))
    return 0 if answer.ok else 1

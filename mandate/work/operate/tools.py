"""``mandate tools list`` and ``show``: the declared tool servers, read from their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsl.shown.surfaces import Terminal
from dsl.tools.folders import ServerFile, ToolFolders
from dsl.tools.servers import KnownServer, ToolServer
from dsl.values.durations import render_duration
from dsl.values.suggestions import suggest
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.columns import columns
from mandate.stack import environment
from mandate.terminal import note, say, say_json

_HEAD = ("SERVER", "TIER", "PINNED", "WHERE", "DESCRIPTION")
_NOTHING, _NOWHERE = "nothing besides its own", "to nothing"
_UNDECLARED = Terminal(
    "mandate tools: nobody has declared tool servers: name their directories in MANDATE_TOOLS"
)


def folders_of(data_dir: Path | None) -> ToolFolders | None:
    """Return where servers are declared; None: nowhere, which is told."""
    folders = catalogue.servers(environment.present(data_dir))
    if not folders.directories:
        note(_UNDECLARED)
        return None
    return folders


def show_all(*, as_json: bool, data_dir: Path | None) -> int:
    """Print every server; what is wrong with others is noted."""
    folders = folders_of(data_dir)
    if folders is None:
        return EXIT_USAGE
    view = folders.view()
    files = [file for _, file in sorted(view.files.items())]
    if as_json:
        for file in files:
            say_json(_record(file))
    else:
        rows = [_row(file) for file in files]
        say(*columns([_HEAD, *rows]))
    for name, why in sorted(view.refused.items()):
        note(Terminal.of("tool server {} cannot be used: {}", name, why))
    for path, why in view.problems:
        note(Terminal.of("{}: {}", path, why))
    return 1 if view.refused or view.problems else 0


def show(name: str, *, as_json: bool, data_dir: Path | None) -> int:
    """Print one server; return 2 when there is none of that name."""
    folders = folders_of(data_dir)
    file = None if folders is None else server_named(folders, name)
    if file is None:
        return EXIT_USAGE
    if as_json:
        say_json(_record(file))
    else:
        say(*_page(file, file.known()))
    return 0


def server_named(folders: ToolFolders, name: str) -> ServerFile | None:
    """Return the server of that name; None: there is none, which is told."""
    view = folders.view()
    if name in view.files:
        return view.files[name]
    hint = view.refused.get(name) or suggest(name, view.files, what="tool servers")
    note(Terminal.of("mandate tools: no tool server is named {}: {}", repr(name), hint))
    return None


def _row(file: ServerFile) -> tuple[str, ...]:
    server, known = file.server, file.known()
    pinned = str(len(known.pins)) if known.pins else "none"
    return (server.name, server.tier.name, pinned, server.place, server.description)


def _page(file: ServerFile, known: KnownServer) -> Iterator[Terminal]:
    server = file.server
    yield Terminal.of("server    {}", server.name)
    yield Terminal.of("what      {}", server.description or "it does not say")
    yield Terminal.of("file      {}", file.path)
    yield Terminal.of("tier      {}, {}", server.tier.name, server.tier.title)
    yield Terminal.of("timeout   {}", render_duration(server.timeout))
    if server.url is not None:
        yield Terminal.of("url       {}", server.url)
    else:
        yield Terminal.of("command   {}", Terminal.listed(server.command, " "))
        yield Terminal.of("reads     {}", Terminal.listed(server.sandbox.read) or _NOTHING)
        yield Terminal.of("writes    {}", Terminal.listed(server.sandbox.write) or _NOTHING)
        yield Terminal.of("connects  {}", Terminal.listed(server.sandbox.tcp) or _NOWHERE)
    yield Terminal.of("keep      {}", server.keep.value)
    yield Terminal.of(
        "secrets   {}", Terminal.listed(sorted(server.secrets)) or "it is handed none"
    )
    yield Terminal.of("pinned    {}", len(known.pins) or known.why_unpinned)
    for tool in sorted({*known.pins, *server.tools}):
        pinned = known.pins.get(tool)
        digest = "not pinned" if pinned is None else pinned.digest
        yield Terminal.of("  {}  {}  {}", tool, server.tier_of(tool).name, digest)
        if pinned is not None:
            names = sorted(pinned.argument_names or ())
            yield Terminal.of("    takes {}", Terminal.listed(names) or "what it does not say")
        if tool in server.tools:
            yield from (Terminal.of("    {}", line) for line in _declared(server, tool))


def _declared(server: ToolServer, tool: str) -> Iterator[Terminal]:
    """Yield what its operator has said of ``tool``."""
    said = server.tools[tool]
    if said.timeout is not None:
        yield Terminal.of("timeout {}", render_duration(said.timeout))
    if said.effect is not None:
        yield Terminal.of("effect {}, which happens once", said.effect)
    if said.idempotent:
        again = server.known_of(tool).attempts_max - 1
        yield Terminal.of("idempotent, made again up to {} times where nobody knows", again)
    for name in ("arguments", "answer"):
        if fields := getattr(said.redact, name):
            yield Terminal.of("redact of {}: {}", name, Terminal.listed(fields))


def _record(file: ServerFile) -> dict[str, Any]:
    server, known = file.server, file.known()
    return {
        "name": server.name,
        "description": server.description,
        "file": str(file.path),
        "tier": server.tier.name,
        "command": list(server.command),
        "url": server.url,
        "secrets": dict(sorted(server.secrets.items())),
        "pins": dict(sorted(known.digests.items())),
        "tools": {
            name: said.model_dump(mode="json", exclude_unset=True)
            for name, said in sorted(server.tools.items())
        },
    }

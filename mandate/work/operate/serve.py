"""``mandate serve``: the server that other systems tell things, until Ctrl-C or SIGTERM.

1. It listens on loopback unless told otherwise, on a port of its own.
2. Who is behind a proxy names the address that people and systems use by ``--origin``: then
   requests for that name are served as well, and for no other.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dsl.shown.surfaces import Terminal
from integrations.web.app import make_app
from integrations.web.serving import LOOPBACK, PORT, listen, names_of, served
from mandate import catalogue, logs
from mandate.console.doors import doors_of
from mandate.console.engine import TemporalEngine
from mandate.console.hooks import hooks_of
from mandate.people.door import enter, temporal
from mandate.people.errors import UsageError
from mandate.stack import environment
from mandate.terminal import say

READY_LINE: Final = "mandate serves"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where it listens, and what others call that."""

    host: str = LOOPBACK
    port: int = PORT
    origin: str = ""  # such as https://mandate.example.org


def run(place: Place, data_dir: Path | None) -> int:
    """Serve until a signal; return the exit code."""
    return enter("serve", _serve(place, data_dir))


def names_in(origin: str) -> tuple[str, ...]:
    """Return what stands in ``Host`` where people use that address (2).

    Raises:
        UsageError: it is none.
    """
    if not origin:
        return ()
    try:
        parts = urlsplit(origin)
        scheme, port = parts.scheme, parts.port
    except ValueError:
        scheme, parts, port = "", urlsplit(""), None
    if scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise UsageError(
            "--origin: expected an address such as https://mandate.example.org, got {!r}", origin
        )
    if port in (None, _DEFAULT_PORTS[scheme]):
        return (parts.hostname, f"{parts.hostname}:{_DEFAULT_PORTS[scheme]}")
    return (f"{parts.hostname}:{port}",)


async def _serve(place: Place, data_dir: Path | None) -> int:
    logs.set_up()
    env = environment.present(data_dir)
    names = names_in(place.origin)
    client = await temporal(env)
    engine = TemporalEngine(client, lambda name: catalogue.compile_named(name, data_dir))
    with listen(place.host, place.port) as listening:
        doors = doors_of(env, engine)
        app = make_app(hooks=hooks_of(doors), hosts=(*names_of(listening), *names))
        async with served(app, listening), doors.sockets():
            _tell(place, names_of(listening)[0])
            await _signalled()
    say(Terminal("mandate serves no more"))
    return 0


def _tell(place: Place, name: str) -> None:
    say(Terminal.of("server     http://{}", name))
    if place.origin:
        say(Terminal.of("known as   {}", place.origin))
    say(Terminal.of("{}", READY_LINE))


async def _signalled() -> None:
    """Wait for a signal that says to end; a second one changes nothing."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, told.set)
    await told.wait()

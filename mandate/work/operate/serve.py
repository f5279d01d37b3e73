"""``mandate serve``: the console, and the hooks of other systems, until Ctrl-C or SIGTERM.

1. It listens on loopback unless told otherwise, on a port of its own. Where others than this
   machine can ask, they log in before they see anything.
2. Who is behind a proxy names the address that people and systems use by ``--origin``: then
   requests for that name are served as well, and for no other.
3. Where others than this machine can ask, nothing goes in the clear: the address is one of https.
4. Who asks through a proxy is known by its address alone, unless the proxy is named: then by what
   it says. Named is one only where ``--origin`` says that there is one.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dsl.shown.surfaces import Terminal
from integrations.health.monitor import Monitor
from integrations.settings import read_settings
from integrations.web.app import make_app
from integrations.web.senders import Senders, networks_of
from integrations.web.serving import LOOPBACK, PORT, listen, names_of, served
from mandate import logs
from mandate.console.doors import doors_of
from mandate.console.keeping import kept
from mandate.console.served_pages import told_as_page
from mandate.console.site import Grounds, console_of, console_routes
from mandate.doctor.looks import looks
from mandate.people.door import enter, temporal
from mandate.people.errors import UsageError
from mandate.stack import environment
from mandate.stack.servers.console import READY_LINE
from mandate.terminal import say

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,250}[a-z0-9])?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where it listens, and what others call that."""

    host: str = LOOPBACK
    port: int = PORT
    origin: str = ""  # such as https://mandate.example.org
    proxies: tuple[str, ...] = ()  # addresses, or networks


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
    scheme, host, port = _read(origin)
    name = _shown(host)
    usual = _DEFAULT_PORTS[scheme]
    return (name, f"{name}:{usual}") if port == usual else (f"{name}:{port}",)


def origins_of(place: Place, names: Sequence[str]) -> tuple[str, ...]:
    """Return what a browser calls our own pages: by the address that people use, where one is.

    Raises:
        UsageError: it is none.
    """
    if not place.origin:
        return tuple(f"http://{each}" for each in names)
    scheme, _, _ = _read(place.origin)
    return (f"{scheme}://{names_in(place.origin)[0]}",)  # without the usual port, as browsers say


def refuse_plain(place: Place) -> None:
    """Refuse to have passwords sent where others read them (3).

    Raises:
        UsageError: they would be.
    """
    scheme, host, _ = _read(place.origin) if place.origin else ("http", place.host, 0)
    for each in () if scheme == "https" else (host, place.host):
        if not _is_loopback(each):
            raise UsageError(
                "passwords would go to {} for everybody to read: put a proxy that speaks TLS "
                "before it, and name the address that people use: --origin https://NAME",
                each,
            )


def is_this_machine(place: Place) -> bool:
    """Tell whether only who is on this machine can ask (1)."""
    return not place.origin and _is_loopback(place.host)


def senders_of(place: Place) -> Senders:
    """Return how who asks is known (4).

    Raises:
        UsageError: a proxy is none.
    """
    if place.proxies and not place.origin:
        raise UsageError("--proxy: name the address that people use there, by --origin")
    try:
        return Senders(networks_of(place.proxies))
    except ValueError as error:
        raise UsageError("--proxy: {}", error) from None


async def _serve(place: Place, data_dir: Path | None) -> int:
    logs.set_up()
    env = environment.present(data_dir)
    names = names_in(place.origin)
    refuse_plain(place)
    senders = senders_of(place)
    client = await temporal(env)
    with listen(place.host, place.port) as listening:
        async with looks(read_settings(env)) as probes:
            grounds = Grounds(env, client, monitor := Monitor(probes), data_dir)
            hosts = (*names_of(listening), *names)
            console = console_of(
                grounds,
                port=int(listening.getsockname()[1]),
                origins=origins_of(place, names_of(listening)),
                is_open=is_this_machine(place),
            )
            doors = doors_of(env, console.engine)
            app = make_app(
                hooks=await doors.hooks(),
                routes=console_routes(console),
                hosts=hosts,
                told=told_as_page(console.sessions),
                opened=lambda: kept(console, monitor),
                senders=senders,
            )
            async with served(app, listening, console.live.aclose), doors.sockets():
                _tell(place, names_of(listening)[0])
                await _signalled()
    say(Terminal("mandate serves no more"))
    return 0


def _tell(place: Place, name: str) -> None:
    say(Terminal.of("console    http://{}", name))
    if place.origin:
        say(Terminal.of("known as   {}", place.origin))
    say(Terminal.of("{}", READY_LINE))


async def _signalled() -> None:
    """Wait for a signal that says to end; a second one changes nothing."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, told.set)
    await told.wait()


def _read(origin: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address, and nothing else stands in it (2).

    Raises:
        UsageError: it is none.
    """
    try:
        parts = urlsplit(origin)
        scheme, host = parts.scheme, parts.hostname or ""
        port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(scheme, 0)
        if ":" in host:
            host = str(IPv6Address(host))
    except ValueError:
        scheme, host, port = "", "", 0
    is_plain = origin.rstrip("/").lower() in (
        f"{scheme}://{_shown(host)}",
        f"{scheme}://{_shown(host)}:{port}",
    )
    is_host = ":" in host or _HOST.fullmatch(host) is not None
    if scheme not in _DEFAULT_PORTS or not is_host or not port or not is_plain:
        raise UsageError(
            "--origin: expected an address such as https://mandate.example.org, got {!r}", origin
        )
    return scheme, host, port


def _shown(host: str) -> str:
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may lead anywhere but this one
        return host == "localhost"

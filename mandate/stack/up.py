"""Bring the stack up and take it down again.

1. The data directory is locked before anything in it is touched, and released last.
2. Servers start together, then Vault is made ready, with the demo logins, then the ``env`` file
   is written, then the workers start; the stack is up when every worker polls.
3. Whatever happens on the way, what was started is stopped: workers first, while the servers
   they report to still answer, then the servers.
4. Servers the caller has are used and never stopped.
5. Workers learn where whoever runs the stack keeps logins, to keep agents out of there.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from integrations.health.page import READY
from mandate.stack import environment, external, people, trial, workers
from mandate.stack.errors import StackError
from mandate.stack.files import private_directory, write_private
from mandate.stack.home import HOME_VARIABLE, home
from mandate.stack.lock import DataDirLock
from mandate.stack.options import StackOptions
from mandate.stack.process import Child, Command
from mandate.stack.servers import console, temporal, valkey, vault
from mandate.stack.servers.openbao import OpenBao
from mandate.stack.servers.ports import HOST, Ports

DOOR_KEY_BYTES: Final = 32


class Stack:
    """``async with Stack(options) as stack``: up inside, down outside.

    ``env`` holds every variable our processes need, ``urls`` what a person wants to open,
    ``people`` is the file with the demo logins where the Vault is ours.
    """

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.env: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self.people: Path | None = None
        self._health: dict[str, int] = {}  # ports of workers, by name
        self._console: int | None = None  # its port, where it is served
        self.trial = ""  # what a person has to know of it
        self.data_dir = Path()
        self._caller = _caller(isolated=options.isolated)
        self._children: list[Child] = []
        self._renewal: asyncio.Task[None] | None = None
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            mandate.stack.errors.StackError: it cannot come up; nothing is left running then.
        """
        async with AsyncExitStack() as exits:
            self.data_dir = private_directory(self.options.data_dir)
            exits.enter_context(DataDirLock(self.data_dir))  # (1) before anything is touched
            exits.push_async_callback(self._stop)  # (3) whatever happens on the way
            await self._start()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything this stack started."""
        await self._exits.aclose()

    @property
    def health(self) -> dict[str, str]:
        """Where each worker serves its health, by the worker's name; empty where none does."""
        return {name: f"http://{HOST}:{port}{READY}" for name, port in self._health.items()}

    def pid(self, name: str) -> int | None:
        """Return the pid of a child by name; None while it is being restarted."""
        return self.pids()[name]

    def pids(self) -> dict[str, int | None]:
        """Return the pids of all children by name."""
        return {child.command.name: child.pid for child in self._children}

    def output(self, name: str) -> str:
        """Return what a child, as it runs now, has written so far."""
        return next(each.output() for each in self._children if each.command.name == name)

    @property
    def _processes(self) -> tuple[workers.WorkerProcess, ...]:
        """Return our own processes; one tells people of runs where the caller says whom."""
        asked = {**self._caller, **dict(self.options.settings)}
        return (*self.options.workers, *([workers.NOTIFY] if asked.get("MANDATE_NOTIFY") else []))

    async def _start(self) -> None:
        private_directory(self.data_dir / "logs")
        foreign = external.named(self.data_dir, self._caller)
        settings = environment.settings(self.data_dir, self._caller)
        self.env = await external.check(foreign, self._caller)  # (4) used, never stopped
        commands, bao = await self._servers(foreign)
        own = {name: self.env[name] for name in environment.SERVER_VARIABLES if name not in foreign}
        external.remember_own(self.data_dir, own)
        await self._start_together(commands)  # (2) together
        if bao is not None:
            await vault.make_ready(bao, Path(self.env["MANDATE_VAULT_ROLES"]))
            self.people = await people.make_ready(bao, self.data_dir)
            self._renewal = asyncio.create_task(vault.keep_renewed(bao, self.options.report))
        self._settle(settings)
        self._make_door_key()
        environment.write(self.data_dir, self.env)
        if self.options.trial:
            await self._try_out(is_ours=bao is not None)
        await self._start_workers(foreign)

    def _make_door_key(self) -> None:
        """Have a key of our own by which votes from Slack and GitHub are known."""
        file = self.data_dir / environment.DOOR_KEY
        if self.env.get("MANDATE_DOOR_KEY_FILE") == str(file) and not file.exists():
            write_private(file, secrets.token_hex(DOOR_KEY_BYTES))

    async def _try_out(self, *, is_ours: bool) -> None:
        if not is_ours:
            raise StackError("--trial lends trust in a Vault of our own only: unset VAULT_ADDR")
        roles, ledger = (Path(self.env[f"MANDATE_{name}"]) for name in ("VAULT_ROLES", "LEDGER"))
        self.trial = await trial.make_ready(self.env["VAULT_ADDR"], roles, ledger)

    async def _servers(self, foreign: dict[str, str]) -> tuple[list[Command], OpenBao | None]:
        """Choose ports, and say which servers are ours to start."""
        ports, options = Ports(), self.options
        env = environment.for_servers(self._caller, self.data_dir)
        commands: list[Command] = []
        hidden: list[int] = []
        bao = None
        if "TEMPORAL_ADDRESS" not in foreign:
            port = await ports.take(options.temporal_port, **_advice("temporal"))
            ui_port = await ports.take(options.ui_port, **_advice("ui"))
            further = (ports.free(), ports.free())
            commands.append(temporal.command(self.data_dir, port, ui_port, further, env))
            hidden += further
            self.env["TEMPORAL_ADDRESS"] = f"{HOST}:{port}"
            self.env["MANDATE_UI"] = f"http://{HOST}:{ui_port}"
        if "VAULT_ADDR" not in foreign:
            port = await ports.take(options.vault_port, **_advice("vault"))
            cluster_port = ports.free(wish=port + 1)
            bao = OpenBao(self.data_dir, port, cluster_port)
            hidden.append(cluster_port)
            commands.append(bao.command(env))
            self.env["VAULT_ADDR"] = bao.url
            self.env["MANDATE_VAULT_ROLES"] = str(self.data_dir / "roles")
        if "MANDATE_DRAGONFLY_URL" not in foreign:
            port = await ports.take(options.dragonfly_port, **_advice("dragonfly"))
            commands.append(valkey.command(self.data_dir, port, env))
            self.env["MANDATE_DRAGONFLY_URL"] = f"redis://{HOST}:{port}"
            secret = valkey.password_file(self.data_dir)
            self.env["MANDATE_DRAGONFLY_PASSWORD_FILE"] = str(secret)
        if options.console_port is not None:
            fix = "stop what listens there, or give --console-port 0 for a free one"
            self._console = await ports.take(options.console_port, name="console", fix=fix)
            hidden.append(self._console)
        self._health = await self._health_ports(ports)
        hidden += self._health.values()  # each worker knows its own only
        self.env["MANDATE_ENGINE_PORTS"] = ",".join(map(str, hidden))
        return commands, bao

    async def _health_ports(self, ports: Ports) -> dict[str, int]:
        first = self.options.health_port
        if first is None:
            return {}
        fix = "stop what listens there, or give --health-port 0 for free ones"
        return {
            process.name: await ports.take(first + number if first else 0, name="health", fix=fix)
            for number, process in enumerate(self._processes)
        }

    def _settle(self, settings: dict[str, str]) -> None:
        """Complete the environment by what is no server's, and say where things are."""
        caller = self._caller
        self.env.setdefault("TEMPORAL_NAMESPACE", temporal.NAMESPACE)
        self.env.setdefault("MANDATE_UI", caller.get("MANDATE_UI", ""))
        self.env |= settings | dict(self.options.settings)
        ours = f"http://{HOST}:{self._console}"
        if self._console is not None:
            self.env["MANDATE_CONSOLE"] = self._console_origin or ours
        self.urls = {
            "temporal": self.env["TEMPORAL_ADDRESS"],
            "ui": self.env["MANDATE_UI"],
            "vault": self.env["VAULT_ADDR"],
            "dragonfly": self.env["MANDATE_DRAGONFLY_URL"],
        }
        if self._console is not None:
            self.urls[console.NAME] = ours

    async def _start_workers(self, foreign: dict[str, str]) -> None:
        extras = environment.connection_extras(self._caller, foreign)
        hidden = {HOME_VARIABLE: str(home(os.environ))}  # (5) agents are kept out of there
        env = environment.for_workers(self._caller, extras | self.env | workers.SETTINGS | hidden)
        await self._start_together(
            [
                *(
                    workers.command(process, self.data_dir, env, self._health.get(process.name))
                    for process in self._processes
                ),
                *self._console_command(env),
            ]
        )

    def _console_command(self, env: dict[str, str]) -> list[Command]:
        if self._console is None:
            return []
        return [console.command(self.data_dir, self._console, self._console_origin, env)]

    @property
    def _console_origin(self) -> str:
        """Return by which address people come, where a proxy of the caller has another."""
        named = self._caller.get("MANDATE_CONSOLE", "")
        return named if named.startswith("https:") else ""  # else of a stack before this one

    async def _start_together(self, commands: Sequence[Command]) -> None:
        children = [Child(command, self.options.report) for command in commands]
        self._children += children
        await _all(child.start() for child in children)

    async def _stop(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        names = {process.name for process in self._processes} | {console.NAME}
        ours = [child for child in self._children if child.command.name in names]
        servers = [child for child in self._children if child.command.name not in names]
        for group in (ours, servers):  # (3) workers first
            await _all(child.stop() for child in group)


def _caller(*, isolated: bool) -> dict[str, str]:
    """Return the environment we were started in, or what is neutral of it."""
    return environment.for_workers(os.environ, {}) if isolated else dict(os.environ)


def _advice(name: str) -> dict[str, str]:
    variable = {"vault": "VAULT_ADDR", "dragonfly": "MANDATE_DRAGONFLY_URL"}.get(
        name, "TEMPORAL_ADDRESS"
    )
    return {
        "name": name,
        "fix": f"stop what listens there, give --{name}-port 0 for a free one, "
        f"or set {variable} to use the server that runs there",
    }


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at once to the end, then raise the first failure."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome

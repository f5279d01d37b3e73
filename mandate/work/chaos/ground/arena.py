"""The stack that experiments are made on: its own, on loopback, gone when they are over.

1. Everything is below one private folder: data, workspace, the agents' directories, what holds
   them. No variable of the caller names a server here, so nobody else's is reached.
2. The workers speak to Dragonfly through a proxy of ours; who looks at it goes past the proxy.
3. The TypeScript agent runs on Bun; where it is missing, the Python program takes its place. A
   Python agent lives by another clock under libfaketime; where that is missing, it only says
   another time. Either is said.
4. One stack serves many experiments: what a fault breaks, its undo or the stack's supervisor
   mends.
5. Agents are handed a secret, and their plan is clarified once: what an error budget and a
   credential are for is there to be broken. The last of them has tools.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from redis.asyncio import Redis
from temporalio.client import Client

from activities.runtime.client import connect as dial
from dsl.chaos.catalogue import AGENTS, GATE
from integrations.chaos import agents as programs
from integrations.chaos.own import OwnProcesses, OwnTarget, own_address
from integrations.chaos.wire import WireProxy
from integrations.dragonfly.client import connect
from integrations.settings import Settings, read_settings
from integrations.vault.client import Vault
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.login.approle import Login
from integrations.vault.naming import KV_SANDBOX, SWEEPER
from mandate import __version__
from mandate._path import app_dir, is_installed
from mandate.stack.options import private_stack
from mandate.stack.servers.ports import HOST, Ports
from mandate.stack.up import Stack
from mandate.stack.workers import DEFAULT_WORKERS, READY_LINE, WorkerProcess
from mandate.work.chaos.ground.held_worker import HOLDS
from mandate.work.chaos.ground.register import Register, table

HELD_WORKER: Final = (sys.executable, "-m", "mandate.work.chaos.ground.held_worker")
WORKERS: Final = tuple(
    WorkerProcess(each.name, each.queues, HELD_WORKER) if each.name in ("worker", "t3") else each
    for each in DEFAULT_WORKERS
)
ORDERS: Final = "orders"
PEOPLE: Final = ("ann", "bob")
SECRET: Final = f"{KV_SANDBOX}/chaos#token"
_SECRET_BYTES: Final = 16
# An outage of seconds is to be over in seconds: a circuit is looked at again soon.
_BREAKERS: Final = "circuits:\n" + "".join(
    f"  {name}: {{wait: 1s, wait_max: 2s}}\n"
    for name in ("dragonfly", "vault", "ledger", "artifacts")
)
_BUN: Final = "[bun, run]"


class ChaosArena:
    """``async with ChaosArena(folder) as arena``: up inside, nothing of it left outside."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        bun: Path | None = None,
        faketime: Path | None = None,
    ) -> None:
        """Prepare it below ``folder``.

        ``bun`` and ``faketime`` are program and library, where they do not lie where they are
        looked for.
        """
        self.folder = folder.resolve()
        self.data_dir = self.folder / "data"
        self.scratch = self.folder / "tmp"
        self.holds = self.folder / HOLDS
        self.workspace = self.folder / "workspace"
        self.orders = self.workspace / ORDERS
        self.register = Register(self.folder, self.orders)
        self.commit = commit()
        self.agents = AGENTS
        self.missing: list[str] = []
        self.said: list[str] = []  # by the stack's supervisor
        self.processes = OwnProcesses(str(self.folder))
        self.faketime = faketime or find_faketime()
        self._bun = bun.resolve() if bun else _which_bun()
        self._seed = seed
        self._ports = Ports()
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            self._make_folders()
            port, behind = self._ports.free(), self._ports.free()
            upstream = own_address(f"{HOST}:{behind}", (behind,))
            self.wire = await exits.enter_async_context(WireProxy(port, upstream, self._seed))
            self.stack = await exits.enter_async_context(Stack(self._options(port, behind)))
            # (2) past the proxy
            direct = {**self.stack.env, "MANDATE_DRAGONFLY_URL": f"redis://{HOST}:{behind}"}
            self.settings: Settings = read_settings(direct)
            self.client: Client = await dial(self.settings)
            self.dragonfly: Redis = connect(
                self.settings.dragonfly_url, self.settings.dragonfly_password_file
            )
            exits.push_async_callback(self.dragonfly.aclose)
            self.vault = Vault.of(self.settings)
            exits.callback(self.vault.close)
            await self._keep_secret()
            await self.register.pin(self.settings)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def target(self, name: str) -> OwnTarget:
        """Return the process of that name, as it is now.

        Raises:
            NotOursError: it is being started again.
        """
        return self.processes.target(self.pid(name) or 0)

    def pid(self, name: str) -> int | None:
        """Return the pid of the process of that name; None where it is none, or away."""
        return self.stack.pids().get({"dragonfly": "valkey", "vault": "openbao"}.get(name, name))

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of our own processes."""
        return tuple(each.name for each in WORKERS)

    def is_ready(self, name: str) -> bool:
        """Tell whether the worker of that name, as it runs now, has said that it is ready."""
        return self.stack.pid(name) is not None and READY_LINE in self.stack.output(name)

    def pipeline(self, objective: str) -> dict[str, Any]:
        """Return the objective that the agents share: two halves, a gate, and a diagnosis."""
        config = {
            "inputs": {"objective": objective},
            "retry": 2,
            "timeout": "4m",
            "error_budget": {"errors": 6, "window": "1m"},
            "clarifications": 1,
            "secrets": {"TOKEN": SECRET},  # (5) so that a credential lives in EXECUTE
            "sandbox": {"write": [ORDERS]},
        }

        def agent(name: str, *requires: str, **more: Any) -> dict[str, Any]:
            return {
                "name": name,
                "type": "agent",
                "template": f"chaos-{name}",
                "requires": [*requires],
                "config": config | more,
            }

        gate = {"approvers": [*PEOPLE], "timeout": "10m"}
        python, typescript, diagnostic = AGENTS
        return {
            "name": "chaos-objective",
            "version": "1",
            "stages": [
                agent(python),
                agent(typescript),
                {"name": GATE, "type": "gate", "requires": [python, typescript], "config": gate},
                agent(diagnostic, GATE, tools=table(PEOPLE), questions=gate),
            ],
        }

    @property
    def seal_key(self) -> Path:
        """The file that opens Vault when it is started."""
        return self.data_dir / "openbao" / "seal.key"

    def sweeper(self) -> Login:
        """Return an identity that may list and end tokens."""
        return Login(self.vault, self.settings.vault_roles, SWEEPER)

    async def _keep_secret(self) -> None:
        """Put the agents' secret where their tier may read it, as whoever has installed Vault."""
        token = (self.data_dir / "openbao" / "installer").read_text().strip()
        client, ref = self.vault.client(token), SecretRef.parse(SECRET)
        value = {ref.field: secrets.token_hex(_SECRET_BYTES)}
        path = f"/v1/{ref.mount}/data/{ref.path}"
        await self.vault.run(partial(client.adapter.post, path, json={"data": value}))

    def _options(self, port: int, behind: int) -> Any:
        settings = {
            "MANDATE_DRAGONFLY_URL": f"redis://{HOST}:{port}",
            "MANDATE_WORKSPACE": str(self.workspace),
            "MANDATE_WRITABLE": str(self.orders),
            "MANDATE_TEMPLATES": str(self.folder / "templates"),
            "MANDATE_TOOLS": str(self.register.declared),
            "MANDATE_BREAKERS": str(self.folder / "breakers.yaml"),
            "TMPDIR": str(self.scratch),
        }
        private = private_stack(
            self.data_dir, workers=WORKERS, settings=settings, report=self.said.append
        )
        return replace(private, dragonfly_port=behind)

    def _make_folders(self) -> None:
        templates = self.folder / "templates"
        shipped = Path(programs.__file__).parent
        shutil.copytree(shipped, templates, ignore=shutil.ignore_patterns("__*"))
        self.register.declare(templates)
        for folder in (self.scratch, self.holds, self.workspace, self.orders):
            folder.mkdir(mode=0o700)
        (self.folder / "breakers.yaml").write_text(_BREAKERS)
        if self.faketime is None:
            self.missing.append("libfaketime: an agent with another clock only says another time")
        else:
            for name in ("python", "diagnostic"):
                with (templates / f"chaos-{name}.yaml").open("a") as template:
                    template.write(f"sandbox: {{read: [{self.faketime.parent}]}}\n")
        if self._bun is None:  # (3) the Python program takes its place
            self.missing.append("bun: the TypeScript agent is played by the Python program")
            python = (templates / "chaos-python.yaml").read_text()
            played = python.replace("name: chaos-python", "name: chaos-typescript")
            (templates / "chaos-typescript.yaml").write_text(played)
        else:
            typescript = templates / "chaos-typescript.yaml"
            kept, _, _ = typescript.read_text().partition("requires_tools")
            named = kept.replace(_BUN, f"[{self._bun}, run]")
            typescript.write_text(f"{named}sandbox: {{read: [{self._bun.parent}]}}\n")


def commit() -> str:
    """Return what was checked out here, or the release that is installed."""
    git = shutil.which("git")
    if git is None or is_installed():
        return __version__
    words = (git, "-C", str(app_dir()), "describe", "--always", "--dirty", "--abbrev=12")
    told = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    return told.stdout.strip() or __version__


def find_faketime() -> Path | None:
    """Return the library, as Debian's package ``faketime`` installs it."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def _which_bun() -> Path | None:
    beside = Path(sys.prefix) / "bun" / "node_modules" / ".bin"
    found = shutil.which("bun") or shutil.which("bun", path=str(beside))
    return Path(found).resolve() if found else None

"""OpenBao on its own storage, unsealed by a key file, initialised by us.

The root token exists for a moment, in memory: it makes the installer's token and is revoked. The
supervisor may be killed at any point of that, so the folder says how far it came:

====================  =================  ==================================================
``initialising``      ``installer``      at the next start
====================  =================  ==================================================
absent                absent             storage must be empty: begin
present               absent             begin again on empty storage: nothing was in it
present or absent     present            done
absent                absent, storage    refuse: somebody removed the token of a real vault
====================  =================  ==================================================

1. ``initialising`` is durable before the server first sees the storage, so that storage may be
   thrown away exactly while nothing but ourselves can have written to it.
2. ``installer`` is written when the root token is already dead, and removes the first row for ever.
3. Neither the root token nor the recovery key is written down. Who loses the installer's token
   starts with a new data directory; who finds a disk finds no root.
4. The seal key is made before the storage. Storage without its key is refused, not replaced.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from mandate.stack.errors import StackError
from mandate.stack.files import private_directory, sync_directory, write_private
from mandate.stack.process import Child, Command
from mandate.stack.servers import binaries, http
from mandate.stack.servers.ports import HOST

SEAL_KEY_BYTES = 32
ACTIVE_TIMEOUT_S = 30.0
_POLL_S = 0.1
_ACTIVE = 200
_UNINITIALISED = 501
_ANSWERS = (_ACTIVE, 429, _UNINITIALISED, 503)  # active, standby, not initialised, sealed

Bootstrap = Callable[[str], Awaitable[str]]  # root token → installer's token; root is dead then


class OpenBao:
    """One OpenBao node in a folder of the data directory."""

    def __init__(self, data_dir: Path, port: int, cluster_port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self._address = f"{HOST}:{port}"
        self._cluster = f"{HOST}:{cluster_port}"
        self._log = data_dir / "logs" / "openbao.log"
        self._folder = private_directory(data_dir / "openbao")
        self._storage = self._folder / "raft"
        self._seal_key = self._folder / "seal.key"
        self._initialising = self._folder / "initialising"
        self._installer = self._folder / "installer"

    def command(self, env: dict[str, str]) -> Command:
        """Make the folder ready and return how to start the server.

        Raises:
            StackError: the folder lacks a file that cannot be made anew.
        """
        self._prepare()
        config = self._folder / "server.json"
        write_private(config, json.dumps(self._config(), indent=2))

        async def ready(_child: Child) -> bool:
            return await http.status(f"{self.url}/v1/sys/health") in _ANSWERS

        argv = (str(binaries.openbao()), "server", f"-config={config}")
        return Command("openbao", argv, env, self._log, ready)

    async def initialise(self, bootstrap: Bootstrap) -> str:
        """Return the installer's token, initialising the running server first if it is new.

        Raises:
            StackError: it does not become active.
        """
        if not self._installer.exists():
            root = await self._init()
            await self._wait_active()
            # (2) (3) root is dead by now, and written nowhere
            write_private(self._installer, await bootstrap(root))
        self._initialising.unlink(missing_ok=True)
        await self._wait_active()
        return self.installer_token()

    def installer_token(self) -> str:
        """Return the token that may install our governance; only after `initialise`."""
        return self._installer.read_text().strip()

    def _prepare(self) -> None:
        used = self._storage.is_dir() and any(self._storage.iterdir())
        if self._installer.exists():
            if not self._seal_key.exists():  # (4) refused, not replaced
                raise StackError(
                    f"the seal key {self._seal_key} is missing and this vault cannot be opened "
                    "without it: restore the file, or start with a new --data-dir"
                )
            return
        if used and not self._initialising.exists():
            raise StackError(
                f"the vault in {self._storage} is initialised but {self._installer} is missing: "
                "restore the file, or start with a new --data-dir"
            )
        write_private(self._initialising, "")  # (1) durable before the server sees the storage
        shutil.rmtree(self._storage, ignore_errors=True)
        private_directory(self._storage)
        write_private(self._seal_key, secrets.token_bytes(SEAL_KEY_BYTES))
        sync_directory(self._folder)

    def _config(self) -> dict[str, object]:
        return {
            "storage": {
                "raft": {
                    "path": str(self._storage),
                    "node_id": "mandate",
                    "performance_multiplier": 1,  # first election in 2 s instead of 10 s
                }
            },
            "listener": {
                "tcp": {
                    "address": self._address,
                    "cluster_address": self._cluster,
                    "tls_disable": True,  # loopback only
                }
            },
            "api_addr": self.url,
            "cluster_addr": f"https://{self._cluster}",
            "seal": {
                "static": {"current_key_id": "1", "current_key": f"file://{self._seal_key}"},
            },
            "log_level": "warn",
        }

    async def _init(self) -> str:
        shares = {"recovery_shares": 1, "recovery_threshold": 1}
        try:
            status, answer = await http.call("PUT", f"{self.url}/v1/sys/init", shares)
        except OSError as error:
            raise StackError(f"openbao went away while it was initialised: {error}") from error
        if status != _ACTIVE or not isinstance(answer.get("root_token"), str):
            raise StackError(
                f"openbao refused to be initialised (status {status}): {answer.get('errors')}"
            )
        token: str = answer["root_token"]
        return token

    async def _wait_active(self) -> None:
        deadline = time.monotonic() + ACTIVE_TIMEOUT_S
        while await http.status(f"{self.url}/v1/sys/health") != _ACTIVE:
            if time.monotonic() > deadline:
                raise StackError(
                    f"openbao is not active after {ACTIVE_TIMEOUT_S:g} s; its log is {self._log}"
                )
            await asyncio.sleep(_POLL_S)

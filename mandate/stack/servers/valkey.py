"""Valkey in the place of DragonflyDB: same protocol, and its program comes with the package.

1. The password is generated, lies in a file of its own for the workers and in the server's
   configuration; both 0600, neither on an argument list.
2. Nothing is persisted, on purpose: the store is a cache of authority. An empty one grants
   nothing until the ledger has been asked (the cold guard).
3. Keys are never evicted: a lock that vanishes under memory pressure is a lost lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path

from mandate.stack.files import private_directory, write_private
from mandate.stack.process import Child, Command
from mandate.stack.servers import binaries
from mandate.stack.servers.ports import HOST

PASSWORD_BYTES = 32
_ANSWER_TIMEOUT_S = 1.0


def password_file(data_dir: Path) -> Path:
    """Return where the password lies."""
    return data_dir / "dragonfly" / "password"


def command(data_dir: Path, port: int, env: dict[str, str]) -> Command:
    """Return how to start the server on ``port``; the password is generated when missing."""
    folder = private_directory(data_dir / "dragonfly")
    secret = password_file(data_dir)
    if not secret.exists():
        write_private(secret, secrets.token_urlsafe(PASSWORD_BYTES))
    password = secret.read_text().strip()
    settings = {
        "bind": HOST,
        "port": str(port),
        "requirepass": password,  # (1) on no argument list
        "save": '""',  # (2) nothing is persisted
        "appendonly": "no",
        "maxmemory-policy": "noeviction",  # (3) a lock must not vanish
        "set-proc-title": "no",  # else the data directory vanishes from `ps`
        "dir": f'"{folder}"',
    }
    config = folder / "valkey.conf"
    write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))

    async def ready(_child: Child) -> bool:
        return await _answers(port, password)

    argv = (str(binaries.valkey()), str(config))
    return Command("valkey", argv, env, data_dir / "logs" / "valkey.log", ready)


async def _answers(port: int, password: str) -> bool:
    """Tell whether a server answers there that knows our password."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                answers = [await reader.readline(), await reader.readline()]
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        return answers == [b"+OK\r\n", b"+PONG\r\n"]
    return False

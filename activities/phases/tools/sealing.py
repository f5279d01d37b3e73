"""Arguments that an operator has hidden are kept aside before a call leaves its activity.

See ``dsl.rules.tools.sealed``. What is kept lies in the artefact store, which no agent reads; the
salts of a stage are made of a key of its own beside it. That is of its workflow id, not of one
life: a program that begins again, on whichever worker, after a question, in the place of another or
after a reset, has the same seals, and so is known to call what was called before.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final

from dsl.rules.tools.calls import CallRefusedError, call_of
from dsl.rules.tools.sealed import sealed
from dsl.tools.folders import ServerFile, ToolFolders
from integrations.artifacts.spent import SpentCalls
from integrations.artifacts.store import Artifacts
from integrations.errors import UnavailableError

SEALS: Final = "seals"  # beside the store: the keys of stages
_MEDIA_TYPE: Final = "application/json"
_KEY_BYTES: Final = 32


class Sealing:
    """Seals the arguments of the calls of one stage."""

    def __init__(
        self,
        folders: ToolFolders,
        artifacts: Artifacts,
        keys: SpentCalls,
        stage: str,
        servers: frozenset[str],
    ) -> None:
        """``stage`` is its workflow id in every life; ``servers``: that it may call."""
        self._servers = servers
        self._folders = folders
        self._artifacts = artifacts
        self._keys = keys
        self._stage = (stage,)
        self._is_renewed = False

    async def of(self, server: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments as they may be read by everybody.

        Raises:
            CallRefusedError: they are none of a call, or there is a seal in them already.
            UnavailableError: nothing can be kept now.
        """
        return await asyncio.to_thread(self._of, server, tool, arguments)

    def _of(self, server: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        file = self._folders.named(server).files.get(server)
        if file is None and server in self._servers:  # nobody can tell what is hidden
            raise CallRefusedError(f"tool server {server!r} is not declared any more")
        fields = () if file is None else file.server.sealed_of(tool)
        if not fields and self._may_be_hidden(file, tool):
            raise CallRefusedError(f"no tool {tool[:80]!r} of {server[:80]!r} is pinned")
        if fields:
            call_of(server, tool, arguments)  # whole: what is sealed is not looked into later
        key = self._key() if fields else b""

        def salt(field: str) -> str:
            return hmac.digest(key, field.encode(), "sha256").hex()

        def keep(data: bytes) -> str:
            return self._artifacts.put(data, _MEDIA_TYPE).digest

        return sealed(arguments, fields, salt, keep)

    def _may_be_hidden(self, file: ServerFile | None, tool: str) -> bool:
        """Tell whether a call of no known tool may have been meant for one that hides arguments."""
        if file is not None and tool in file.server.tools:  # its operator has said what it hides
            return False
        found = (self._folders.named(name).files.get(name) for name in sorted(self._servers))
        servers = (each.server for each in found if each is not None)
        hides = any(one.redact.arguments for each in servers for one in each.tools.values())
        return hides and (file is None or tool not in file.known().pins)

    def _key(self) -> bytes:
        mine = {"key": secrets.token_hex(_KEY_BYTES)}
        found = self._keys.of(self._stage)
        if not found and not self._keys.note(self._stage, 0, mine):
            found = self._keys.of(self._stage)
        if not self._is_renewed:  # a workflow id may have a run again and again
            self._keys.renew(self._stage)
            self._is_renewed = True
        try:
            return bytes.fromhex((found[0] if found else mine)["key"])
        except (IndexError, KeyError, ValueError, TypeError):
            why = "the key for hidden arguments of the stage cannot be read"
            raise UnavailableError(why) from None

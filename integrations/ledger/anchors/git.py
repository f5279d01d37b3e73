"""An anchor that is a git repository: each note is a commit, so what was said stays to be seen.

1. A branch of its own, ``ledger/<origin>``, and no work tree: nothing else of the repository is
   touched. The branch moves only from the commit that was read.
2. Where the repository has a remote named ``anchor``, it is read from there and pushed there, never
   by force. What was rewritten there is refused, not taken over.
3. Programs of the repository do not run: no hooks, no configuration of the caller's, neither of its
   environment nor of its home; what a remote asks for stands in the repository's own.
4. Each call of git ends within ``GIT_S``.
5. What is longer than a note may be is none, and is not read.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from dsl.rules.ledger.note import NOTE_BYTES_MAX
from integrations.errors import UnavailableError
from integrations.ledger.anchors.anchor import Kept
from integrations.ledger.anchors.specs import GIT

GIT_S: Final = 30.0
NOTES_READ: Final = 2  # the newest, and the one before it
_REMOTE: Final = "anchor"
_NOTE: Final = "checkpoint"
_KEYS: Final = "keys"
_QUIET: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "mandate",
    "GIT_AUTHOR_EMAIL": "ledger@mandate.invalid",
    "GIT_COMMITTER_NAME": "mandate",
    "GIT_COMMITTER_EMAIL": "ledger@mandate.invalid",
    "LC_ALL": "C",
}


class GitAnchor:
    """Keeps the notes of the ledger ``origin`` in the repository at ``place``."""

    def __init__(self, place: Path, origin: str) -> None:
        self._place = place
        self._branch = f"refs/heads/ledger/{origin}"

    @property
    def name(self) -> str:
        """See ``Anchor``."""
        return f"{GIT}:{self._place}"

    async def read(self) -> Kept:
        """See ``Anchor``."""
        await self._fetch()
        tip = await self._tip()
        if tip is None:
            return Kept()
        commits = (await self._git("rev-list", f"-{NOTES_READ}", "--reverse", tip)).split()
        notes = [await self._text(f"{each}:{_NOTE}") for each in commits]
        keys = (await self._text(f"{tip}:{_KEYS}")).split()
        return Kept(tuple(notes), tuple(keys))

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        """See ``Anchor``."""
        tip = await self._tip()
        if tip and await self._text(f"{tip}:{_NOTE}") == note:
            await self._push()
            return
        size = note.split("\n", 2)[1]
        files = ((_NOTE, note), (_KEYS, "".join(f"{each}\n" for each in keys)))
        blobs = [
            (name, (await self._git("hash-object", "-w", "--stdin", said=text)).strip())
            for name, text in files
        ]
        listed = "".join(f"100644 blob {blob}\t{name}\n" for name, blob in blobs)
        tree = (await self._git("mktree", said=listed)).strip()
        parent = ("-p", tip) if tip else ()
        words = ("commit-tree", tree, *parent, "-m", f"Ledger at {size} entries")
        commit = (await self._git(*words)).strip()
        # (1) only from the commit that was read
        await self._git("update-ref", self._branch, commit, tip or "0" * len(commit))
        await self._push()

    async def _text(self, blob: str) -> str:
        """Return what a file of a commit holds; nothing where it is too long (5)."""
        size = int(await self._git("cat-file", "-s", blob))
        return await self._git("cat-file", "blob", blob) if size <= NOTE_BYTES_MAX else ""

    async def _tip(self) -> str | None:
        found = await self._git("for-each-ref", "--format=%(objectname)", self._branch)
        return found.strip() or None

    async def _fetch(self) -> None:
        if await self._has_remote():
            found = await self._git("ls-remote", _REMOTE, self._branch)
            if found.strip():  # (2) never by force
                await self._git("fetch", "--quiet", _REMOTE, f"{self._branch}:{self._branch}")

    async def _push(self) -> None:
        if await self._has_remote():
            await self._git("push", "--quiet", _REMOTE, f"{self._branch}:{self._branch}")

    async def _has_remote(self) -> bool:
        return _REMOTE in (await self._git("remote")).split()

    async def _git(self, *words: str, said: str = "") -> str:
        """Run git in the repository and return what it prints (3) (4)."""
        ours = {name: said for name, said in os.environ.items() if not name.startswith("GIT_")}
        try:
            process = await asyncio.create_subprocess_exec(
                *("git", "-c", "core.hooksPath=/dev/null", "-C", str(self._place), *words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**ours, **_QUIET},
            )
        except OSError as error:
            raise UnavailableError(f"the anchor {self.name}: {error.strerror}") from error
        try:
            async with asyncio.timeout(GIT_S):
                out, err = await process.communicate(said.encode())
        except TimeoutError:
            process.kill()
            await process.wait()
            raise UnavailableError(f"the anchor {self.name}: git {words[0]} does not end") from None
        if process.returncode:
            why = err.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
            raise UnavailableError(
                f"the anchor {self.name}: git {words[0]} failed ({why[0][:200]}); it is to be a "
                f"repository that we may write to: git init --bare {self._place}"
            )
        return out.decode(errors="replace")

"""Keeping the ledger anchored: what it was is compared, then what it is is signed and given away.

Runs beside the duties of the one writer. The rules:

1. Before the first entry is recorded, and before anything is signed, every anchor is read afresh. A
   ledger that ends before what one of them has signed, or that has another root there, was cut off
   or written anew: nothing is signed, nothing is recorded, and it is said, until it is put right.
2. At least one anchor has to answer before the first entry, and before each signature. One that
   does not is said, and is given the note when it is back.
3. A checkpoint is due after ``ENTRIES`` entries, ``AFTER_S`` after the first of them, and at once
   after what is urgent (``integrations.ledger.writer.URGENT``); two are at least ``LOOK_S`` apart.
4. Where nothing was recorded nothing is signed, and no history grows.
5. The newest version of the key signs, and the oldest that may: who has known that one from the
   start goes on without being told of another.
6. A note is kept beside the entries as well, so that proofs can be made. That is no evidence.
7. While Vault is away, and so nobody can say which notes are signed, every note counts against the
   ledger and none for it: what is behind none of them may be written to.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from activities.contracts.anchor_specs import KEYS_MAX
from dsl.rules.ledger.note import Checkpoint, NoteKey, NoteSignature, SignedNote
from integrations.errors import CorruptError, IntegrationError, UnavailableError
from integrations.ledger.anchors.anchor import Anchor, believed
from integrations.ledger.ledger import Ledger
from integrations.ledger.tree.tiles import LedgerTree
from integrations.vault.signing.head_signer import HeadSigner

logger = logging.getLogger(__name__)

ENTRIES: Final = 256
AFTER_S: Final = 30.0
LOOK_S: Final = 1.0
_REPAIR: Final = "restore the ledger with all of its entries, and it goes on by itself"


class Anchoring:
    """Signs the heads of ``ledger`` as ``origin``, and publishes them to ``anchors``."""

    def __init__(
        self, ledger: Ledger, signer: HeadSigner, anchors: Sequence[Anchor], origin: str
    ) -> None:
        self._ledger = ledger
        self._signer = signer
        self._anchors = anchors
        self._origin = origin
        self._tree = LedgerTree(ledger.path)
        self._versions: dict[int, NoteKey] = {}
        self._noted: SignedNote | None = None
        self._is_clear = False  # it was compared, and is well
        self._behind: set[str] = set()  # anchors that lack the last note
        self._since = 0.0  # when the first entry without a note was seen; 0: there is none
        self._said: dict[str, str] = {}
        self._one = asyncio.Lock()  # who signs for evidence does not sign beside the loop

    @property
    def noted(self) -> SignedNote | None:
        """The last note that was signed or read."""
        return self._noted

    async def require(self) -> None:
        """Compare with every anchor before anything is recorded (1).

        Raises:
            IntegrationError: it is not whole, or nobody can say so; nothing is recorded until this
                was asked again and is well.
        """
        async with self._one:
            self._is_clear = False
            try:
                await self._compare(must_be_signed=False)
            except IntegrationError as error:
                self._ledger.hold(str(error))
                raise
            self._is_clear = True
            self._ledger.hold("")

    async def keep(self) -> None:
        """Sign and publish whenever it is due (3), until cancelled."""
        while True:
            try:
                if not self._is_clear:
                    await self.require()
                await self.once()
            except IntegrationError as error:
                self._say("", f"the ledger is not anchored: {error}")
            except Exception as error:  # a ledger that is anchored no more is not written to
                self._is_clear = False
                self._ledger.hold(f"it is not anchored: {type(error).__name__}")
                logger.exception("the ledger is not anchored")
            else:
                self._say("", "")
            await asyncio.sleep(LOOK_S)

    async def once(self, *, now: bool = False) -> SignedNote | None:
        """Sign and publish what is there, if it is due or ``now``; return the note then.

        Raises:
            IntegrationError: it is due, and cannot be.
        """
        async with self._one:
            return await self._once(now=now)

    async def _once(self, *, now: bool) -> SignedNote | None:
        progress = self._ledger.progress
        noted = self._noted.checkpoint.size if self._noted else 0
        fresh = progress.size - noted
        if not fresh:
            self._since = 0.0
            if self._behind and self._noted is not None:
                await self._publish(self._noted)  # (2) given when it is back
            return self._noted if now else None  # (4) nothing to sign
        self._since = self._since or time.monotonic()
        is_old = time.monotonic() - self._since >= AFTER_S
        if not (now or fresh >= ENTRIES or is_old or progress.urgent > noted):
            return None
        try:
            await self._compare(must_be_signed=True)
        except CorruptError as error:
            self._is_clear = False
            self._ledger.hold(str(error))  # (1) nothing is recorded until it is put right
            raise
        self._noted = await self._sign()
        self._since = 0.0
        self._behind = {anchor.name for anchor in self._anchors}
        await self._ledger.keep(self._noted)  # (6) for proofs
        await self._publish(self._noted)
        return self._noted

    async def sign(self, message: bytes) -> list[tuple[NoteKey, bytes]]:
        """Sign something else in the ledger's name, by the same keys (5).

        Raises:
            IntegrationError: Vault is away, or does not let us.
        """
        if not self._versions:
            await self._learn_keys()
        versions = sorted(self._versions)
        return [
            (self._versions[version], await self._signer.sign_as(message, version))
            for version in dict.fromkeys((versions[-1], versions[0]))
        ]

    async def _compare(self, *, must_be_signed: bool) -> None:
        """Read the anchors, and compare the ledger with what they hold (1).

        Raises:
            CorruptError: it was cut off or written anew, or an anchor was.
            UnavailableError: no anchor answers, or Vault or the file does not.
        """
        keys = await self._keys(must_be_signed=must_be_signed)
        size = await asyncio.to_thread(self._tree.read_on)
        silent = []
        newest: SignedNote | None = None
        for anchor in self._anchors:
            try:
                held = believed(anchor.name, await anchor.read(), keys)
            except UnavailableError as error:
                silent.append(str(error))
                self._say(anchor.name, str(error))
                continue
            unsigned = f"the anchor {anchor.name} holds {held.foreign} notes that are not ours"
            self._say(anchor.name, unsigned if held.foreign else "")
            if held.newest is not None:
                await self._require_held(anchor.name, held.newest.checkpoint, size)
                if newest is None or held.newest.checkpoint.size > newest.checkpoint.size:
                    newest = held.newest
        if len(silent) == len(self._anchors):  # (2) at least one has to answer
            raise UnavailableError(f"no anchor of the ledger answers: {silent[0]}")
        if keys is not None:  # else nobody knows whether it is signed
            self._noted = self._noted or newest

    async def _keys(self, *, must_be_signed: bool) -> list[NoteKey] | None:
        try:
            await self._learn_keys()
        except UnavailableError:
            if must_be_signed:
                raise
        return list(self._versions.values()) or None  # (7) unsigned, it counts against the ledger

    async def _require_held(self, name: str, known: Checkpoint, size: int) -> None:
        if known.origin != self._origin:
            raise CorruptError(
                f"the anchor {name} keeps notes of {known.origin!r} and this ledger is "
                f"{self._origin!r}: give it an anchor of its own"
            )
        if known.size > size:
            raise CorruptError(
                f"the ledger has {size} entries and the anchor {name} has signed {known.size}: "
                f"its end was cut off, or another file lies there. {_REPAIR}"
            )
        if await asyncio.to_thread(self._tree.root_at, known.size) != known.root:
            raise CorruptError(
                f"the first {known.size} entries are not those that the anchor {name} has signed: "
                f"the ledger was written anew. Keep the file as evidence; {_REPAIR}"
            )

    async def _learn_keys(self) -> None:
        found = await self._signer.keys()
        self._versions = {
            version: NoteKey(self._origin, public) for version, public in sorted(found.items())
        }

    async def _sign(self) -> SignedNote:
        size = self._tree.size
        root = await asyncio.to_thread(self._tree.root_at, size)
        checkpoint = Checkpoint(self._origin, size, root)
        signatures = [
            NoteSignature(key.name, key.id, signature)
            for key, signature in await self.sign(checkpoint.text().encode())
        ]
        return SignedNote(checkpoint, tuple(signatures))

    async def _publish(self, note: SignedNote) -> None:
        known = [str(key) for key in self._versions.values()]
        keys = (*known[:1], *known[1:][-(KEYS_MAX - 1) :])  # (5) the oldest, and the newest
        for anchor in self._anchors:
            if anchor.name not in self._behind:
                continue
            try:
                await anchor.publish(note.text(), keys)
            except IntegrationError as error:
                self._say(anchor.name, str(error))
                continue
            self._behind.discard(anchor.name)
            self._say(anchor.name, "")

    def _say(self, what: str, why: str) -> None:
        """Log what keeps something from being anchored, once as long as it stays the same."""
        if why and self._said.get(what) != why:
            logger.warning("%s", why)
        self._said[what] = why

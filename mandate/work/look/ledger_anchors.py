"""What the anchors of a ledger hold, for the commands that compare it with them.

1. Keys that are given are the ones that count. Without any, those that an anchor was told to expect
   do, and it is said that it is the anchor's word.
2. An anchor that does not answer is said by name; it is no problem of the ledger.
3. An anchor that was named in the command has to be compared with: where it does not answer, or
   holds nothing, what was asked for was not done, whatever else was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dsl.rules.ledger.note import NoteKey, SignedNote
from dsl.shown.surfaces import Terminal
from integrations.errors import CorruptError, IntegrationError
from integrations.ledger.anchors.anchor import Anchor, believed, ours
from integrations.ledger.anchors.named import anchors_of
from integrations.ledger.tree.kept_notes import kept_notes
from integrations.ledger.verify import HeldCheckpoint
from integrations.settings import ledger_origin, read_settings
from mandate.people.errors import RefusalError, UsageError

KEY_BYTES_MAX: Final = 10_000
_ITSELF: Final = "the note kept in the file"


@dataclass(slots=True)
class Compared:
    """What the ledger is to be compared with."""

    origin: str
    held: list[HeldCheckpoint] = field(default_factory=list)
    by: list[str] = field(default_factory=list)  # anchors that hold something
    empty: list[str] = field(default_factory=list)  # anchors that hold nothing yet
    silent: list[Terminal] = field(default_factory=list)  # why others were not asked
    unmet: list[str] = field(default_factory=list)  # anchors that were named, in vain (3)
    problems: list[str] = field(default_factory=list)
    keys: list[NoteKey] = field(default_factory=list)
    keys_by: str = ""  # whose word the keys are; empty: they were given


def keys_of(texts: Sequence[str]) -> list[NoteKey]:
    """Return the keys that are given as such or by the files that hold them.

    Raises:
        UsageError: one is no key.
    """
    found = []
    for text in texts:
        try:
            keys = [NoteKey.parse(word) for word in _words_of(text)]
        except (OSError, ValueError) as error:
            raise UsageError("--key: {}", getattr(error, "strerror", None) or error) from None
        if not keys:  # without any nothing would be compared with
            raise UsageError("--key: {} holds no key", text)
        found += keys
    return found


def _words_of(text: str) -> list[str]:
    path = Path(text)
    is_file = path.is_file() and path.stat().st_size <= KEY_BYTES_MAX
    return path.read_text(encoding="utf-8").split() if is_file else [text]


async def compared(
    path: Path,
    env: Mapping[str, str],
    *,
    specs: Sequence[str] = (),
    keys: Sequence[NoteKey] = (),
    offline: bool = False,
) -> Compared:
    """Read the anchors of the ledger at ``path``.

    Raises:
        UsageError: an anchor is named in a form that there is not.
    """
    origin = keys[0].name if keys else ledger_origin({**env, "MANDATE_LEDGER": str(path)})
    found = Compared(origin, keys=list(keys))
    try:
        named = anchors_of(specs or read_settings(env).anchors, found.origin)
    except ValueError as error:
        raise UsageError("{}", error) from None
    for anchor in await _temporal(found, env, offline=offline):
        _ = await _take(found, anchor)
    for anchor in named:
        if not await _take(found, anchor) and specs:  # (3) what was asked for was not done
            found.unmet.append(anchor.name)
    _take_own(found, path)
    return found


async def _temporal(found: Compared, env: Mapping[str, str], *, offline: bool) -> list[Anchor]:
    if offline:
        found.silent.append(Terminal("not compared with Temporal: left out by --offline"))
    elif not env.get("TEMPORAL_ADDRESS"):
        found.silent.append(Terminal("not compared with Temporal: TEMPORAL_ADDRESS is not set"))
    else:
        # The slowest import there is: only for whoever has a server.
        from activities.ledger.temporal_anchor import TemporalAnchor  # noqa: PLC0415
        from mandate.people.door import temporal  # noqa: PLC0415

        try:
            return [TemporalAnchor(await temporal(env), found.origin)]
        except RefusalError as error:
            found.silent.append(Terminal.of("not compared with Temporal: {}", error))
    return []


async def _take(found: Compared, anchor: Anchor) -> bool:
    """Take what an anchor holds; return whether it has answered, and holds something."""
    try:
        kept = await anchor.read()
        if not found.keys and kept.keys:  # (1) the anchor's word
            with suppress(ValueError):
                found.keys = [NoteKey.parse(each) for each in kept.keys]
                found.keys_by = anchor.name
        newest = believed(anchor.name, kept, found.keys or None).newest
    except CorruptError as error:
        found.problems.append(str(error))
        return True
    except IntegrationError as error:  # (2) no problem of the ledger
        found.silent.append(Terminal.of("not compared with {}: {}", anchor.name, error))
        return False
    if newest is None:
        found.empty.append(anchor.name)
        return False
    found.by.append(anchor.name)
    for note in ours(kept, found.keys or None):
        found.held.append(HeldCheckpoint(f"the anchor {anchor.name}", note.checkpoint))
    return True


def _take_own(found: Compared, path: Path) -> None:
    others: set[str] = set()
    with suppress(IntegrationError):  # said by whoever verifies the file
        for size, text in kept_notes(path):
            try:
                note = SignedNote.parse(text)
            except ValueError as error:
                found.problems.append(f"{_ITSELF} at {size} entries is none: {error}")
                continue
            if note.checkpoint.size != size:
                found.problems.append(f"{_ITSELF} at {size} entries is one of another size")
            found.held.append(HeldCheckpoint(f"{_ITSELF} at {size} entries", note.checkpoint))
            others.add(note.checkpoint.origin)
    for origin in sorted(others - {found.origin}):
        found.silent.append(
            Terminal.of(
                "it keeps notes of {}, and anchors were asked for {}: say MANDATE_LEDGER_ORIGIN",
                *(origin, found.origin),
            )
        )

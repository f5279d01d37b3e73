"""``mandate ledger show | prove | verify-proof | export``: what can be handed to a stranger.

Of a proof that is no good it is said why, and nothing of what it claims is printed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from dsl.shown.surfaces import Terminal
from dsl.values import strict_json
from dsl.values.canonical import canonical
from integrations.ledger.lookup import by_place
from integrations.ledger.tree.kept_notes import kept_notes
from integrations.ledger.tree.proof import PROOF_BYTES_MAX, EntryProof, canonical_entry, prove
from integrations.ledger.tree.texts import texts_from
from integrations.ledger.verify import SEGMENT
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter
from mandate.people.errors import UsageError
from mandate.terminal import note, say, say_json
from mandate.work.look.ledger_anchors import keys_of
from mandate.work.look.new_files import write_new

ENTRIES_FILE: Final = "entries.jsonl"
NOTES_FILE: Final = "checkpoints.notes"


def show(path: Path, seq: int, *, as_json: bool) -> int:
    """Print one entry."""
    return enter("ledger show", _soon(lambda: _show(path, seq, as_json=as_json)))


def prove_entry(path: Path, seq: int, out: Path | None) -> int:
    """Print the proof of one entry, or write it to a file."""
    return enter("ledger prove", _soon(lambda: _prove(path, seq, out)))


def verify_proof(file: Path, keys: Sequence[str]) -> int:
    """Say whether a proof is good; 1: it is not."""
    return enter("ledger verify-proof", _soon(lambda: _verify_proof(file, keys)))


def export(path: Path, into: Path) -> int:
    """Write all entries and notes into a new directory."""
    return enter("ledger export", _soon(lambda: _export(path, into)))


async def _soon(work: Callable[[], int]) -> int:
    return work()


def _show(path: Path, seq: int, *, as_json: bool) -> int:
    text = canonical_entry(path, seq)
    if as_json:
        say_json(strict_json.read(text, bytes_max=PROOF_BYTES_MAX))
        return 0
    entry = by_place(path, seq)
    assert entry is not None  # noqa: S101  # it has a text
    rows = (
        *(("entry", entry.seq), ("time", entry.ts), ("action", entry.action)),
        *(("agent", entry.agent), ("tier", entry.tier.name), ("workflow", entry.workflow_id)),
        *(("run", entry.run_id), ("key", entry.key), ("before", entry.prev_hash)),
        ("hash", entry.hash),
    )
    for name, value in rows:
        say(Terminal.of("{:<9} {}", name, value))
    for name, value in sorted(entry.payload.items()):
        say(Terminal.of("  {}: {}", name, value))
    return 0


def _prove(path: Path, seq: int, out: Path | None) -> int:
    proof = prove(path, seq).value()
    if out is None:
        say_json(proof)
        return 0
    write_new(out, [f"{canonical(proof)}\n"])
    note(Terminal.of("entry {} is proven in {}", seq, out))
    return 0


def _verify_proof(file: Path, keys: Sequence[str]) -> int:
    given = keys_of(keys)
    try:
        with file.open("rb") as opened:
            data = opened.read(PROOF_BYTES_MAX + 1)  # one more is refused below
        proof = EntryProof.of(strict_json.read(data, bytes_max=PROOF_BYTES_MAX))
    except OSError as error:
        raise UsageError("{}: {}", file, error.strerror or error) from None
    except ValueError as error:
        raise UsageError("{} is no proof: {}", file, error) from None
    problems = list(proof.problems(given or None))
    for problem in problems:
        say(Terminal.of("{}: {}", file, problem))  # and nothing of what it claims
    if problems:
        return EXIT_FAILED
    told = proof.told()
    words = (file, told["seq"], told["action"], told["workflow_id"], told["ts"])
    say(Terminal.of("{}: ok, entry {}, {} of {}, recorded {}", *words))
    if not given:
        say(Terminal("whether the note is signed was not looked at: give --key"))
    return 0


def _export(path: Path, into: Path) -> int:
    try:
        into.mkdir()
    except FileExistsError:
        raise UsageError("{} is there already: name a new directory", into) from None
    except OSError as error:
        raise UsageError("{}: {}", into, error.strerror or error) from None
    try:
        entries = write_new(into / ENTRIES_FILE, _entries(path))
        notes = write_new(into / NOTES_FILE, (f"{text}\n" for _, text in kept_notes(path)))
    except BaseException:  # half of it is nothing that anybody should keep
        shutil.rmtree(into, ignore_errors=True)
        raise
    note(Terminal.of("{}: {} entries, {} notes", into, entries, notes))
    return 0


def _entries(path: Path) -> Iterator[str]:
    last = -1
    while texts := texts_from(path, last, SEGMENT):
        yield from (f"{text}\n" for text in texts)
        last += len(texts)

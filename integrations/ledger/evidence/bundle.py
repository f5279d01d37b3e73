"""An evidence bundle: a signed statement, and the files it is about, as one JSON text.

The rules, in the order in which a bundle is refused by them:

1. One bundle has one text: canonical JSON and a line feed. So there is no byte that could be
   changed without being seen.
2. Every signature is of a key that was given, and its ``keyid`` is that key's.
3. The files are those of the statement, no more and no less, and hash to what it says.
4. Every entry is proven under one note, which the same key has signed, and is of the run or of one
   of its stages; and so they stand in order.
5. What is told of the run follows from the entries; whether history and ledger agree, whoever has
   signed it has found.
6. Whatever is wrong is told; what rests on something wrong is not looked at.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from dsl.limits import ARTIFACT_BYTES_MAX
from dsl.rules.ledger.note import NoteKey
from dsl.rules.ledger.statement import (
    COMPARED,
    ENTRIES,
    HISTORIES,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    Agreement,
    pae,
    told,
)
from dsl.values import strict_json
from dsl.values.canonical import canonical
from integrations.ledger.tree.proof import EntryProof
from integrations.ledger.tree.signatures import is_signed

KIND: Final = "mandate.evidence/v1"
BUNDLE_BYTES_MAX: Final = ARTIFACT_BYTES_MAX  # it goes through the artefact store
DEPTH_MAX: Final = 64
_SIGNATURES_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Bundle:
    """A statement, who has signed it, and its files."""

    statement: str  # the text that was signed
    signatures: tuple[tuple[str, bytes], ...]  # id of the key, and the signature
    files: Mapping[str, str]

    def text(self) -> str:
        """Return the bundle as it is kept (1)."""
        envelope = {
            "payload": base64.b64encode(self.statement.encode()).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": keyid, "sig": base64.b64encode(signature).decode()}
                for keyid, signature in self.signatures
            ],
        }
        files = dict(self.files)
        return canonical({"kind": KIND, "envelope": envelope, "files": files}) + "\n"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a bundle.

        Raises:
            ValueError: it has another form; the message says which part (1).
        """
        value = strict_json.read(data, bytes_max=BUNDLE_BYTES_MAX, depth_max=DEPTH_MAX)
        outer = _object(value, "the bundle", {"kind", "envelope", "files"})
        if outer["kind"] != KIND:
            raise ValueError(f"expected a bundle of kind {KIND!r}, got {str(outer['kind'])[:60]!r}")
        inner = _object(outer["envelope"], "the envelope", {"payload", "payloadType", "signatures"})
        if inner["payloadType"] != PAYLOAD_TYPE:
            raise ValueError(f"expected a payload of type {PAYLOAD_TYPE!r}")
        files = outer["files"]
        if not isinstance(files, dict) or not all(isinstance(each, str) for each in files.values()):
            raise ValueError("expected 'files' to be texts by name")
        signatures = inner["signatures"]
        if not isinstance(signatures, list) or not 1 <= len(signatures) <= _SIGNATURES_MAX:
            raise ValueError(f"expected 1 to {_SIGNATURES_MAX} signatures")
        found = cls(
            statement=_bytes(inner["payload"], "the payload").decode(),
            signatures=tuple(map(_signature, signatures)),
            files=files,
        )
        if found.text().encode() != data:
            raise ValueError("the text is not the one that such a bundle has: it was changed")
        return found

    def predicate(self) -> dict[str, Any]:
        """Return what is stated, of a bundle that has no problems."""
        said = strict_json.read(self.statement, bytes_max=BUNDLE_BYTES_MAX)
        found: dict[str, Any] = said["predicate"]
        return found

    def agreement(self) -> Agreement | None:
        """Return whether history and ledger agreed, of such a bundle; None: it does not say."""
        said = self.predicate()
        return Agreement.of(said[COMPARED]) if COMPARED in said else None

    def problems(self, keys: Sequence[NoteKey]) -> Iterator[str]:
        """Yield what is wrong with it, in order (6)."""
        message = pae(self.statement.encode())
        by_id = {keyid_of(key): key for key in keys}
        for keyid, signature in self.signatures:
            key = by_id.get(keyid)
            # (2) every one of a key that was given
            if key is None or not is_signed(key.public, message, signature):
                yield f"no key that was given has signed the statement as {keyid[:80]!r}"
                return
        try:
            stated = _object(
                strict_json.read(self.statement, bytes_max=BUNDLE_BYTES_MAX),
                "the statement",
                {"_type", "predicateType", "subject", "predicate"},
            )
            if (stated["_type"], stated["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
                raise ValueError("the statement is not about a run")  # noqa: TRY301
            if COMPARED in stated["predicate"]:
                Agreement.of(stated["predicate"][COMPARED])
            yield from self._problems_of_files(stated["subject"])
            yield from self._problems_of_entries(stated["predicate"], keys)
        except (ValueError, KeyError, TypeError) as error:
            yield f"the statement cannot be read: {error}"

    def _problems_of_files(self, subjects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        stated = {each["name"]: each["digest"]["sha256"] for each in subjects}
        for name in sorted(stated.keys() | self.files.keys()):  # (3) no more and no less
            if name not in stated:
                yield f"the file {name!r} is not one of the statement's"
            elif name not in self.files:
                yield f"the file {name!r} is missing"
            elif hashlib.sha256(self.files[name].encode()).hexdigest() != stated[name]:
                yield f"the file {name!r} is not the one that was signed"

    def _problems_of_entries(
        self, predicate: Mapping[str, Any], keys: Sequence[NoteKey]
    ) -> Iterator[str]:
        run = predicate["run"]
        named = (run, *run["stages"], *run.get("earlier", ()))  # those of before may not have it
        runs = {(each["workflow"], each["run"]) for each in named}
        entries = []
        for line in self.files[ENTRIES].splitlines():
            proof = EntryProof.of(strict_json.read(line, bytes_max=BUNDLE_BYTES_MAX))
            yield from proof.problems(keys)  # (4) proven
            if proof.note != run["note"]:
                yield "an entry is proven under another note than the bundle's"
            entries.append(proof.told())
        for each in entries:
            if (each["workflow_id"], each["run_id"]) not in runs:
                yield f"entry {each['seq']} is of another run"
        places = [each["seq"] for each in entries]
        if places != sorted(set(places)):
            yield "the entries do not stand in order"
        stated = {name: value for name, value in predicate.items() if name != COMPARED}
        if {"run": run, **told(entries)} != stated:  # (5) follows from them
            yield "what is told of people, agents and artefacts is not what the entries say"
        if not any(name.startswith(HISTORIES) for name in self.files):
            yield "there is no history"


def keyid_of(key: NoteKey) -> str:
    """Return what a signature's ``keyid`` says: name and id of the key."""
    return f"{key.name}+{key.id.hex()}"


def _signature(value: Any) -> tuple[str, bytes]:
    found = _object(value, "a signature", {"keyid", "sig"})
    if not isinstance(found["keyid"], str):
        raise ValueError("expected 'keyid' to be text")  # noqa: TRY004  # one error for all
    return found["keyid"], _bytes(found["sig"], "a signature")


def _object(value: Any, what: str, names: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        raise ValueError(f"expected {what} to be an object with {', '.join(sorted(names))}")
    return value


def _bytes(value: Any, what: str) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"expected {what} in base64")  # noqa: TRY004  # one error for all
    return base64.b64decode(value, validate=True)

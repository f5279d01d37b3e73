"""What an evidence bundle states of a run: an in-toto Statement over the files that bear it out.

Pure, so that who makes a bundle and who verifies one come to the same. The rules:

1. The subjects are the files of the bundle, by SHA-256. Nothing is stated of any other.
2. What is told of people, agents and artefacts follows from the entries, and is never told
   otherwise: whoever verifies derives it again.
3. What is signed is DSSE's encoding of it, which says what kind of thing it is.
4. Evidence is of what happened, also where history and ledger do not agree: then it says so itself,
   under ``compared``, and whoever has only the file is not left to believe it. A statement without
   that word is of a release that did not compare.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from dsl import actions
from dsl.values.canonical import canonical

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://mandate.example/evidence/run/v1"
ENTRIES: Final = "ledger.jsonl"  # a proof a line
COMPARED: Final = "compared"
HISTORIES: Final = "histories/"  # a file for the run and for each of its stages
_ABOUT_PEOPLE: Final = frozenset(
    {actions.VOTE_PROVEN, actions.VOTE_VOUCHED, actions.START_PROVEN, "gate.decided"}
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NOBODY: Final = "-"


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return what DSSE signs (3)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


class Agreement(NamedTuple):
    """What came of comparing history and ledger of the run (4)."""

    disagreements: int
    first: str = ""  # where, if there is any
    untold: str = ""  # why it is not known; empty: it is

    @classmethod
    def of(cls, value: Any) -> Self:
        """Read what a statement says.

        Raises:
            ValueError: that is nothing that is said there.
        """
        if not isinstance(value, Mapping) or value.keys() != {*cls._fields}:
            raise ValueError(f"expected 'compared' to have {', '.join(cls._fields)}")
        found = cls(**value)
        kinds = (int, str, str)
        if not all(type(each) is kind for each, kind in zip(found, kinds, strict=True)):
            raise ValueError("expected 'compared' to hold a number and two texts")
        return found


def statement(
    run: Mapping[str, Any],
    files: Mapping[str, bytes],
    entries: Sequence[Mapping[str, Any]],
    agreement: Agreement,
) -> str:
    """Return the canonical text of the statement."""
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": PREDICATE_TYPE,
            "subject": [
                {"name": name, "digest": {"sha256": hashlib.sha256(files[name]).hexdigest()}}
                for name in sorted(files)
            ],
            "predicate": {"run": dict(run), COMPARED: agreement._asdict(), **told(entries)},
        }
    )


def told(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the entries of a run say of people, agents and artefacts (2)."""
    return {
        "people": [_fact(each) for each in entries if each["action"] in _ABOUT_PEOPLE],
        "agents": [
            {name: each[name] for name in ("seq", "ts", "agent", "tier", "action")}
            for each in entries
            if each["agent"] != _NOBODY
        ],
        "artefacts": sorted({digest for each in entries for digest in _digests(each["payload"])}),
        "plan": next(
            (
                each["payload"]["plan"]
                for each in entries
                if each["action"] == actions.RUN_STARTED and "plan" in each["payload"]
            ),
            None,
        ),
    }


def _fact(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"seq": entry["seq"], "ts": entry["ts"], "action": entry["action"], **entry["payload"]}


def _digests(payload: Any) -> Iterator[str]:
    """Yield every digest that an entry names."""
    yield from _DIGEST.findall(json.dumps(payload))

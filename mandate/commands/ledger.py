"""``mandate ledger``: verify and read the audit ledger, also while its writer runs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from dsl.core import DEFAULT_LEDGER_PATH
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.entries import Entry
from integrations.ledger.noted import NotedHead
from mandate._entry import EXIT_FAILED
from mandate.stack import environment

_HASH_SHOWN = 12
_UNSEEN = (
    "not seen by this: an end that was cut off, a chain written anew. Note the head elsewhere, "
    "and compare it later: mandate ledger verify --head SEQ:HASH"
)


def locate(path: Path | None, data_dir: Path | None) -> Path:
    """Return the ledger meant: given, of the data directory, or of the environment."""
    if path is not None:
        return path
    return Path(environment.present(data_dir).get("MANDATE_LEDGER") or DEFAULT_LEDGER_PATH)


def verify(path: Path, noted: NotedHead | None, *, as_json: bool) -> int:
    """Print the verdict; return 1 when the ledger is not what was written, or lacks ``noted``."""
    try:
        found = ledger.verify(path, noted)
    except IntegrationError as error:
        return _fail(str(error), as_json=as_json)
    if as_json:
        compared = None if noted is None else str(noted)
        verdict = {"ledger": str(path), "ok": not found.problems, "compared_with": compared}
        print(json.dumps({**verdict, **asdict(found)}))
        return EXIT_FAILED if found.problems else 0
    for warning in found.warnings:
        print(f"{path}: warning: {warning}", file=sys.stderr)
    for problem in found.problems:
        print(f"{path}: {problem}")
    print(f"{path}: {_verdict(found, noted)}")
    if noted is None:
        print(_UNSEEN)
    return EXIT_FAILED if found.problems else 0


def tail(path: Path, count: int, *, as_json: bool) -> int:
    """Print the newest entries, oldest first."""
    try:
        entries = ledger.tail(path, count)
    except IntegrationError as error:
        return _fail(str(error), as_json=as_json)
    for entry in entries:
        print(_object(entry) if as_json else _line(entry))
    return 0


def _verdict(found: ledger.Report, noted: NotedHead | None) -> str:
    if found.problems:
        soundness, head = f"NOT intact: {len(found.problems)} problem(s)", found.head
    else:  # the form that --head takes
        soundness, head = "ok", f"{found.entries - 1}:{found.head}" if found.entries else "none"
    held = f", holds the noted head {noted.seq}" if noted and not found.problems else ""
    return f"{soundness}, {found.entries} entries, head {head}{held}"


def _object(entry: Entry) -> str:
    return json.dumps({**asdict(entry), "tier": entry.tier.name})


def _line(entry: Entry) -> str:
    words = (f"{entry.seq:>6}", entry.ts, entry.hash[:_HASH_SHOWN], f"{entry.action:<28}")
    return "  ".join((*words, entry.workflow_id, entry.agent))


def _fail(message: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"ok": False, "problems": [message]}))
    else:
        print(f"mandate: {message}", file=sys.stderr)
    return EXIT_FAILED

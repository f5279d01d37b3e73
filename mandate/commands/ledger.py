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
from mandate._entry import EXIT_FAILED
from mandate.stack import environment

_HASH_SHOWN = 12


def locate(path: Path | None, data_dir: Path | None) -> Path:
    """Return the ledger meant: given, of the data directory, or of the environment."""
    if path is not None:
        return path
    return Path(environment.present(data_dir).get("MANDATE_LEDGER") or DEFAULT_LEDGER_PATH)


def verify(path: Path, *, as_json: bool) -> int:
    """Print the verdict; return 1 when the ledger is not what was written."""
    try:
        found = ledger.verify(path)
    except IntegrationError as error:
        return _fail(str(error), as_json=as_json)
    if as_json:
        print(json.dumps({"ledger": str(path), "ok": not found.problems, **asdict(found)}))
        return EXIT_FAILED if found.problems else 0
    for warning in found.warnings:
        print(f"{path}: warning: {warning}", file=sys.stderr)
    for problem in found.problems:
        print(f"{path}: {problem}")
    verdict = "ok" if not found.problems else f"NOT intact: {len(found.problems)} problem(s)"
    print(f"{path}: {verdict}, {found.entries} entries, head {found.head}")
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

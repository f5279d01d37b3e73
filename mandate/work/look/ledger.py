"""``mandate ledger``: verify and read the audit ledger, also while its writer runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from dsl.core import DEFAULT_LEDGER_PATH
from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.entries import Entry
from integrations.ledger.noted import NotedHead
from mandate._entry import EXIT_FAILED
from mandate.stack import environment
from mandate.terminal import complain, say, say_json

_HASH_SHOWN = 12
_UNSEEN = Terminal(
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
        return _fail(error, as_json=as_json)
    if as_json:
        compared = None if noted is None else str(noted)
        verdict = {"ledger": str(path), "ok": not found.problems, "compared_with": compared}
        say_json({**verdict, **asdict(found)})
        return EXIT_FAILED if found.problems else 0
    for problem in found.problems:
        say(Terminal.of("{}: {}", path, problem))
    say(Terminal.of("{}: {}", path, _verdict(found, noted)))
    if noted is None:
        say(_UNSEEN)
    return EXIT_FAILED if found.problems else 0


def tail(path: Path, count: int, *, as_json: bool) -> int:
    """Print the newest entries, oldest first."""
    try:
        entries = ledger.tail(path, count)
    except IntegrationError as error:
        return _fail(error, as_json=as_json)
    for entry in entries:
        if as_json:
            say_json({**asdict(entry), "tier": entry.tier.name})
        else:
            say(_line(entry))
    return 0


def _verdict(found: ledger.Report, noted: NotedHead | None) -> Terminal:
    if found.problems:
        count = len(found.problems)
        soundness, head = Terminal.of("NOT intact: {} problem(s)", count), found.head
    else:  # the form that --head takes
        soundness = Terminal("ok")
        head = f"{found.entries - 1}:{found.head}" if found.entries else "none"
    held = Terminal()
    if noted and not found.problems:
        held = Terminal.of(", holds the noted head {}", noted.seq)
    return Terminal.of("{}, {} entries, head {}{}", soundness, found.entries, head, held)


def _line(entry: Entry) -> Terminal:
    words = (entry.seq, entry.ts, entry.hash[:_HASH_SHOWN], entry.action)
    return Terminal.of("{:>6}  {}  {}  {:<28}  {}  {}", *words, entry.workflow_id, entry.agent)


def _fail(error: IntegrationError, *, as_json: bool) -> int:
    if as_json:
        say_json({"ok": False, "problems": [str(error)]})
    else:
        complain(error, "mandate")
    return EXIT_FAILED

"""``mandate ledger``: verify and read the audit ledger, also while its writer runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.ledger import verify as ledger
from integrations.ledger.entries import Entry
from integrations.ledger.health import health_of, notes_in
from integrations.ledger.lock import trouble_of_writer
from integrations.ledger.noted import NotedHead
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter
from mandate.people.errors import exit_code_of
from mandate.stack import environment
from mandate.terminal import complain, counting, note, say, say_json
from mandate.work.look.ledger_anchors import Compared, compared, keys_of

_HASH_SHOWN = 12
_TOLD_MAX = 60  # characters of a word
_FOUND = "{:<8} {}"
_UNSEEN = Terminal(
    "not seen by this: an end that was cut off, a chain written anew. Let an anchor hold it "
    "(docs/ledger.md), or note the head elsewhere: mandate ledger verify --head SEQ:HASH"
)


def locate(path: Path | None, data_dir: Path | None) -> Path:
    """Return the ledger meant: given, of the data directory, or of the environment."""
    if path is not None:
        return path
    return environment.ledger_of(environment.present(data_dir))


def verify(
    path: Path,
    noted: NotedHead | None,
    *,
    anchors: Sequence[str],
    keys: Sequence[str],
    offline: bool,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Print the verdict; return 1 when the ledger is not what was written, noted or signed.

    And where an anchor that was named had nothing to compare it with.
    """
    env = environment.present(data_dir)
    work = _verify(path, noted, env, anchors, keys, offline=offline, as_json=as_json)
    return enter("ledger verify", work)


async def _verify(
    path: Path,
    noted: NotedHead | None,
    env: Mapping[str, str],
    specs: Sequence[str],
    keys: Sequence[str],
    *,
    offline: bool,
    as_json: bool,
) -> int:
    given = keys_of(keys)
    with_anchors = await compared(path, env, specs=specs, keys=given, offline=offline)
    try:
        with counting("verifying", ledger.length(path)) as on_entries:
            found = ledger.verify(path, noted, with_anchors.held, on_entries)
    except IntegrationError as error:
        return _fail(error, as_json=as_json)
    problems = (*found.problems, *with_anchors.problems)
    if as_json:
        say_json(_as_json(path, noted, found, with_anchors))
        return EXIT_FAILED if problems or with_anchors.unmet else 0
    for problem in problems:
        say(Terminal.of("{}: {}", path, problem))
    say(Terminal.of("{}: {}", path, _verdict(found, problems, noted)))
    say(*_compared_lines(with_anchors, is_sound=not problems))
    if noted is None and not with_anchors.by:
        say(_UNSEEN)
    for name in with_anchors.unmet:
        note(Terminal.of("ledger verify: {} was to be compared with, and was not", name))
    return EXIT_FAILED if problems or with_anchors.unmet else 0


def _compared_lines(found: Compared, *, is_sound: bool) -> Iterator[Terminal]:
    for name in found.by if is_sound else ():
        most = max(each.checkpoint.size for each in found.held if each.by == f"the anchor {name}")
        yield Terminal.of("holds the first {} entries as the anchor {} has them", most, name)
    for name in found.empty:
        yield Terminal.of("the anchor {} holds nothing yet", name)
    yield from found.silent
    if found.by and not found.keys:
        yield Terminal("whether they are signed was not looked at: give --key")
    elif found.by and found.keys_by:
        yield Terminal.of("signed by the keys that {} names; to trust none, --key", found.keys_by)


def _as_json(
    path: Path, noted: NotedHead | None, found: ledger.Report, anchors: Compared
) -> dict[str, Any]:
    return {
        "ledger": str(path),
        "ok": not (found.problems or anchors.problems or anchors.unmet),
        "compared_with": None if noted is None else str(noted),
        **asdict(found),
        "problems": [*found.problems, *anchors.problems],
        "origin": anchors.origin,
        "anchors": anchors.by,
        "anchors_empty": anchors.empty,
        "not_compared": [str(each) for each in anchors.silent],
        "keys": [str(each) for each in anchors.keys],
    }


def fsck(path: Path, *, data_dir: Path | None) -> int:
    """Print what is to be known of file and writer, then the verdict of ``verify``."""
    return enter("ledger fsck", _fsck(path, environment.present(data_dir)))


async def _fsck(path: Path, env: Mapping[str, str]) -> int:
    said = health_of(path)
    say(Terminal.of(_FOUND, "sqlite", "ok" if said == "ok" else f"damaged: {said}"))
    trouble = trouble_of_writer(path)
    say(Terminal.of(_FOUND, "writer", trouble or "nothing amiss"))
    say(Terminal.of(_FOUND, "notes", f"{notes_in(path)} kept in the file"))
    code = await _verify(path, None, env, (), (), offline=False, as_json=False)
    return code or (EXIT_FAILED if said != "ok" or trouble else 0)


def keys(path: Path, specs: Sequence[str], *, data_dir: Path | None) -> int:
    """Print the keys that the anchors were told to expect; 1 where there are none.

    2 where there is no ledger either.
    """
    return enter("ledger keys", _keys(path, specs, environment.present(data_dir)))


async def _keys(path: Path, specs: Sequence[str], env: Mapping[str, str]) -> int:
    found = await compared(path, env, specs=specs)
    if not found.keys:
        _ = ledger.length(path)  # one that is not there has no key to wait for
    note(*found.silent)
    if not found.keys:
        note(Terminal("no anchor names a key yet"))
        return EXIT_FAILED
    say(*(Terminal.of("{}", str(each)) for each in found.keys))
    return EXIT_FAILED if found.unmet else 0


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


def _verdict(found: ledger.Report, problems: Sequence[str], noted: NotedHead | None) -> Terminal:
    if problems:
        count = len(problems)
        soundness, head = Terminal.of("NOT intact: {} problem(s)", count), found.head
    else:  # the form that --head takes
        soundness = Terminal("ok")
        head = f"{found.entries - 1}:{found.head}" if found.entries else "none"
    held = Terminal()
    if noted and not problems:
        held = Terminal.of(", holds the noted head {}", noted.seq)
    return Terminal.of("{}, {} entries, head {}{}", soundness, found.entries, head, held)


def _line(entry: Entry) -> Terminal:
    words = (entry.seq, entry.ts, entry.hash[:_HASH_SHOWN], entry.action)
    whose = (entry.workflow_id, entry.agent)
    told = Terminal.joined(" ", _told(entry))
    return Terminal.of("{:>6}  {}  {}  {:<28}  {}  {}  {}", *words, *whose, told)


def _told(entry: Entry) -> Iterator[Terminal]:
    """Yield what an entry says in single words and sentences; ``ledger show`` has all of it."""
    for name, value in sorted(entry.payload.items()):
        if value not in ("", None) and isinstance(value, str | int | float):
            yield Terminal.of("{}={}", name, json.dumps(value, ensure_ascii=False), limit=_TOLD_MAX)


def _fail(error: IntegrationError, *, as_json: bool) -> int:
    if as_json:
        say_json({"ok": False, "problems": [str(error)]})
    else:
        complain(error, "mandate")
    return exit_code_of(error)

"""Entries: what may stand on the ledger, and how it is hashed.

Nothing here knows a file. The rules:

1. An entry is the RFC 8785 text of an object: version, sequence number, time, the caller's
   words, and the hash of the entry before it.
2. Its hash is SHA-256 of a zero byte and that text: the leaf hash of RFC 6962. Since the
   entry before is named inside, one hash is both the link of the chain and the leaf of a tree.
3. A payload is an object of text, booleans, null, integers, lists and objects. No floats:
   readers differ in how they write one. No depth beyond ``PAYLOAD_DEPTH_MAX``.
4. An idempotency key names the fact, never the attempt.
5. An action is dotted and lower case: ``run.started``, ``agent.bootstrap.intent``.
6. Secrets and personal data do not belong here, only digests and references: a ledger cannot
   forget. This cannot be checked here; redaction comes before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

from dsl.core import Tier
from dsl.limits import LEDGER_PAYLOAD_BYTES_MAX
from dsl.rules.ledger.merkle import leaf_of
from dsl.values import strict_json
from dsl.values.canonical import INTEGER_MAX, canonical
from integrations.ledger.errors import InvalidDraftError

VERSION: Final = 1
KEY_LENGTH_MAX: Final = 512  # characters; the schema says the same
FIELD_LENGTH_MAX: Final = 2_000  # characters; Temporal's ids end at 1,000
ACTION_LENGTH_MAX: Final = 100
PAYLOAD_DEPTH_MAX: Final = 32
NONE: Final = "-"  # where no run, or no agent, is concerned
GENESIS: Final = bytes(32)  # what the first entry names as the one before it
ACTION_PATTERN: Final = r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+"

_ACTION = re.compile(ACTION_PATTERN)
leaf_hash: Final = leaf_of  # (2) one hash for the chain and the tree
_SMALL_DIGITS: Final = 15  # fewer than the largest integer has
_quoted: Final = json.encoder.encode_basestring  # RFC 8785 of a string, as of the encoder below


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"the float {text!r} has no single spelling")


def _small(text: str) -> int:
    if len(text) > _SMALL_DIGITS and abs(int(text)) > INTEGER_MAX:
        raise ValueError("an integer beyond 2**53 - 1")
    return int(text)


_scan: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder(
    parse_int=_small, parse_float=_no_float, parse_constant=_no_float
).scan_once  # type: ignore[attr-defined]  # the stubs lack it
# What ``json.JSONEncoder(sort_keys=True, ...)`` makes anew for each text.
_chunks: Final[Callable[[Any, int], tuple[str, ...]]] = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    *(None, _no_float, _quoted, None, ":", ","), *(True, False, False)
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact to be recorded; the writer adds its place, its time and its hashes."""

    key: str  # (4) names the fact, never the attempt
    workflow_id: str
    run_id: str
    agent: str  # identity, ``NONE`` when none is concerned
    tier: Tier
    action: str
    payload: Mapping[str, Any]

    @classmethod
    def of_no_run(
        cls,
        key: str,
        action: str,
        payload: Mapping[str, Any],
        *,
        agent: str = NONE,
        tier: Tier = Tier.T0,
    ) -> Draft:
        """Return a fact that no run has made."""
        return cls(key, NONE, NONE, agent, tier, action, payload)


class Content(NamedTuple):
    """A draft as it is stored: checked, in the order of the columns, payload canonical."""

    key: str
    workflow_id: str
    run_id: str
    agent: str
    tier: str
    action: str
    payload: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The entry is on disk, there."""

    seq: int
    hash: str  # hexadecimal
    ts: str  # UTC, microseconds; the writer's clock


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a reader sees it; hashes are hexadecimal."""

    seq: int
    ts: str
    key: str
    workflow_id: str
    run_id: str
    agent: str
    tier: Tier
    action: str
    payload: Mapping[str, Any]
    prev_hash: str
    hash: str


def entry_key(*parts: str) -> str:
    """Join ``parts`` into an idempotency key; one that would be too long ends in its digest."""
    key = "/".join(parts)
    if len(key) <= KEY_LENGTH_MAX:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: KEY_LENGTH_MAX - len(digest) - 1]}~{digest}"


def content_of(draft: Draft) -> Content:
    """Check ``draft`` and return it as it will be stored.

    Raises:
        InvalidDraftError: the ledger will never take it; the message names the field.
    """
    try:
        return Content(
            key=_text("key", draft.key, KEY_LENGTH_MAX),
            workflow_id=_text("workflow_id", draft.workflow_id, FIELD_LENGTH_MAX),
            run_id=_text("run_id", draft.run_id, FIELD_LENGTH_MAX),
            agent=_text("agent", draft.agent, FIELD_LENGTH_MAX),
            tier=Tier(draft.tier).name,
            action=_action(draft.action),
            payload=canonical_payload(draft.payload),
        )
    except ValueError as error:
        raise InvalidDraftError(f"the ledger refuses an entry {draft.action!r}: {error}") from error


def entry_bytes(seq: int, ts: str, content: Sequence[str], prev_hash: bytes) -> bytes:
    """Return the canonical text (1) of an entry, ``content`` in the order of ``Content``."""
    # The payload is canonical already, so it is spliced in and not encoded a second time. Of plain
    # text canonical JSON is what the encoder of strings makes; half of a surrogate pair ends below.
    key, workflow_id, run_id, agent, tier, action, payload = content
    return (
        f'{{"action":{_quoted(action)},"agent":{_quoted(agent)},'
        f'"idempotency_key":{_quoted(key)},"payload":{payload},'
        f'"prev":"{prev_hash.hex()}","run_id":{_quoted(run_id)},"seq":{seq},'
        f'"tier":{_quoted(tier)},"ts":{_quoted(ts)},"v":{VERSION},'
        f'"workflow_id":{_quoted(workflow_id)}}}'
    ).encode()


def is_sound(seq: int, ts: str, content: Content, prev_hash: bytes, digest: bytes) -> bool:
    """Tell whether a stored entry still hashes to what was recorded with it."""
    try:
        return leaf_hash(entry_bytes(seq, ts, content, prev_hash)) == digest
    except ValueError:  # bytes that are no text: nothing that was ever recorded
        return False


def canonical_payload(payload: Any) -> str:
    """Return ``payload`` as the ledger stores it (3).

    Raises:
        ValueError: not an object, too large, too deep, or a value two readers read differently.
    """
    if not isinstance(payload, dict):
        raise ValueError(f"expected the payload to be an object, got a {type(payload).__name__}")  # noqa: TRY004  # one error for every refusal
    _refuse_value(payload, PAYLOAD_DEPTH_MAX)
    text = canonical(payload)
    size = len(text.encode())  # refuses lone surrogates, too
    if size > LEDGER_PAYLOAD_BYTES_MAX:
        raise ValueError(
            f"the payload has {size} bytes and the limit is {LEDGER_PAYLOAD_BYTES_MAX}: "
            "store it as an artefact and record its digest"
        )
    return text


def is_canonical(payload: str) -> bool:
    """Tell whether ``payload`` is exactly what ``canonical_payload`` would have stored."""
    try:
        if _is_plain(payload):
            value, end = _scan(payload, 0)
            # Of a million entries this is most of what verifying takes: no function of Python's.
            return (
                end == len(payload)
                and type(value) is dict
                and "".join(_chunks(value, 0)) == payload
            )
        return canonical_payload(read_payload(payload)) == payload
    except (ValueError, StopIteration):
        return False


def _is_plain(payload: str) -> bool:
    """Tell whether decoding and encoding by C alone finds all that (3) refuses.

    Too long, too deep, or with letters beyond ASCII: then it is looked at in full.
    """
    return (
        payload.isascii()
        and len(payload) <= LEDGER_PAYLOAD_BYTES_MAX
        and payload.count("{") + payload.count("[") <= PAYLOAD_DEPTH_MAX
    )


def read_payload(payload: str) -> dict[str, Any]:
    """Return the payload of a row, which may be anybody's by now.

    Raises:
        ValueError: nothing that ``canonical_payload`` has written.
    """
    value = strict_json.read(payload, bytes_max=LEDGER_PAYLOAD_BYTES_MAX)
    if not isinstance(value, dict):
        raise ValueError(f"expected the payload to be an object, got a {type(value).__name__}")  # noqa: TRY004  # one error for every refusal
    return value


def _refuse_value(value: Any, depth: int) -> None:
    match value:
        case float():
            raise ValueError(f"the float {value!r} has no single spelling: write it as text")
        case dict() | list() | tuple():
            if depth == 0:
                raise ValueError(f"the payload is nested deeper than {PAYLOAD_DEPTH_MAX} levels")
            for item in value.values() if isinstance(value, dict) else value:
                _refuse_value(item, depth - 1)
        case _:
            return  # `canonical` refuses what is left


def _text(name: str, value: str, longest: int) -> str:
    if not 1 <= len(value) <= longest:
        raise ValueError(f"{name} has {len(value)} characters, expected 1 to {longest}")
    if "\x00" in value:  # SQLite measures and compares text up to the first NUL
        raise ValueError(f"{name} holds a NUL character")
    value.encode()  # refuses lone surrogates
    return value


def _action(value: str) -> str:
    if len(value) > ACTION_LENGTH_MAX or not _ACTION.fullmatch(value):
        raise ValueError(f"an action is dotted lower case such as run.started, got {value!r}")
    return value

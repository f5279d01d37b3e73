"""Arguments that nobody is to read on their way: a seal stands in their place.

Pure. An operator names fields of the arguments of a tool (``redact``). What an agent writes there
is kept aside, and a seal, the digest of what was kept, goes through history, ledger and gates in
its place. So people approve, and the digest of a call binds, the very value without reading it. The
rules:

1. A field is found as in ``dsl.rules.tools.hidden``: where its path meets what has no keys, that
   is sealed whole.
2. What is kept holds a salt that whoever reads the seal does not have: nobody finds a short value
   by trying. Equal values of one stage have equal seals, so an equal call is known to be equal.
3. What is kept stays, so the arguments of one call have at most ``TOOL_SEALS_MAX`` seals, and of
   one that would have more nothing is kept.
4. No agent writes a seal: it would have the server handed what another has kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dsl.limits import TOOL_ARGUMENTS_BYTES_MAX, TOOL_SEALS_MAX
from dsl.rules.tools.calls import CallRefusedError
from dsl.rules.tools.hidden import places
from dsl.values import strict_json
from dsl.values.canonical import canonical

SEAL: Final = "$sealed"
_KEPT: Final = frozenset({"salt", "value"})
_AROUND: Final = 1 << 10  # bytes of what is kept beside a value


def sealed(
    arguments: Mapping[str, Any],
    fields: Sequence[str],
    salt: Callable[[str], str],
    keep: Callable[[bytes], str],
) -> dict[str, Any]:
    """Return ``arguments`` with seals in ``fields``.

    ``salt`` makes one for a field; ``keep`` keeps bytes and returns their digest.

    Raises:
        CallRefusedError: there is a seal in them already (4), or there would be too many (3).
    """
    if _holds_seal(arguments):
        raise CallRefusedError(f"the arguments hold the key {SEAL!r}: rename it")
    found = copy.deepcopy(dict(arguments))
    seals: list[tuple[dict[str, Any], bytes]] = []
    for field, holder, key in places(found, fields):
        if len(seals) == TOOL_SEALS_MAX:  # (3) before anything is kept
            raise CallRefusedError(
                f"redact hides more than {TOOL_SEALS_MAX} places in the arguments: call with fewer"
            )
        kept = canonical({"salt": salt(field), "value": holder[key]}).encode()
        seals.append(({SEAL: ""}, kept))
        holder[key] = seals[-1][0]
    for seal, kept in seals:
        seal[SEAL] = keep(kept)
    return found


def opened(arguments: Mapping[str, Any], read: Callable[[str], bytes]) -> dict[str, Any]:
    """Return ``arguments`` with what was kept in the place of each seal.

    Raises:
        CallRefusedError: a seal is of something else than an argument.
    """

    def each(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {SEAL}:
                return _value_in(read(str(value[SEAL])))
            return {key: each(inner) for key, inner in value.items()}
        return [each(inner) for inner in value] if isinstance(value, list) else value

    return {key: each(value) for key, value in arguments.items()}


def _value_in(kept: bytes) -> Any:
    try:
        found = strict_json.read(kept, bytes_max=TOOL_ARGUMENTS_BYTES_MAX + _AROUND)
    except strict_json.JsonError:
        found = None
    if not isinstance(found, dict) or found.keys() != _KEPT:
        raise CallRefusedError("a seal in the arguments is of something that was no argument")
    return found["value"]


def _holds_seal(value: Any) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if SEAL in item:
                return True
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False

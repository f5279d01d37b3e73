"""Statements that Vault has signed, as one word that fits any shell, form and JSON.

The word is base64url of canonical JSON with two keys: ``statement`` and ``signature``. What is
read here is checked for its shape only; what it states, and whether the signature is one, is for
others. No refusal quotes anything of what was sent.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from dsl.values import strict_json
from dsl.values.canonical import canonical
from dsl.values.strict_json import JsonError

SIGNATURE_LENGTH_MAX: Final = 512
SIGNERS: Final = ("vault:", "door:")  # whose signatures begin so


class SignedError(ValueError):
    """What was sent is no signed statement; one sentence, which quotes nothing of it."""


def word_of(statement: Mapping[str, Any], signature: str) -> str:
    """Return statement and signature as one word."""
    text = canonical({"statement": dict(statement), "signature": signature})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_word(word: str, what: str, length_max: int) -> tuple[dict[str, Any], str]:
    """Return statement and signature in ``word``; refusals call it ``what``.

    Raises:
        SignedError: there is none.
    """
    if not word:
        raise SignedError(f"there is no {what}")
    if len(word) > length_max:
        raise SignedError(f"the {what} has {len(word)} characters, and {length_max} is the limit")
    try:
        raw = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SignedError(
            f"the {what} is not base64url: copy all of it, and nothing else"
        ) from None
    try:
        value = strict_json.read(raw, bytes_max=length_max)
    except JsonError:
        raise SignedError(f"the {what} is cut off or altered: copy all of it") from None
    return _parts(value, what)


def _parts(value: Any, what: str) -> tuple[dict[str, Any], str]:
    if not isinstance(value, dict) or set(value) != {"statement", "signature"}:
        raise SignedError(f"the {what} has no statement with a signature: make it anew")
    statement, signature = value["statement"], value["signature"]
    if not isinstance(statement, dict) or not isinstance(signature, str):
        raise SignedError(f"the {what} has no statement with a signature: make it anew")
    if len(signature) > SIGNATURE_LENGTH_MAX or not signature.startswith(SIGNERS):
        raise SignedError(f"the signature of the {what} is not one of Vault's, or of a door")
    return statement, signature

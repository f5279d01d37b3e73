"""Whether a signature is good, said without asking anybody: for notes and for evidence.

Verification only; what is signed is signed by Vault (``integrations.vault.signing``).
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from dsl.rules.ledger.note import NoteKey, SignedNote


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the holder of an ed25519 key has signed ``message``."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def signer_of(note: SignedNote, keys: Iterable[NoteKey]) -> NoteKey | None:
    """Return which of ``keys`` has signed ``note``; None: none of them has."""
    message = note.checkpoint.text().encode()
    for key in (each for each in keys if each.name == note.checkpoint.origin):
        for each in note.signatures:
            is_of_key = (each.name, each.key_id) == (key.name, key.id)
            if is_of_key and is_signed(key.public, message, each.signature):
                return key
    return None

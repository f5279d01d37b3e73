"""Signed notes: the form others read, and that no changed byte of one is believed."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dsl.rules.ledger.note import Checkpoint, NoteKey, NoteSignature, SignedNote
from integrations.ledger.tree.signatures import signer_of

ORIGIN = "ledger.example.com/prod"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = NoteKey(ORIGIN, PRIVATE.public_key().public_bytes_raw())


def signed(size: int = 7, origin: str = ORIGIN) -> SignedNote:
    checkpoint = Checkpoint(origin, size, bytes(range(32)))
    signature = PRIVATE.sign(checkpoint.text().encode())
    return SignedNote(
        checkpoint, (NoteSignature(origin, NoteKey(origin, KEY.public).id, signature),)
    )


def test_a_note_has_the_form_of_c2sp() -> None:
    text = signed().text()
    lines = text.split("\n")

    assert lines[:4] == [ORIGIN, "7", base64.b64encode(bytes(range(32))).decode(), ""]
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert len(base64.b64decode(lines[4].split(" ")[2])) == 4 + 64
    assert text.endswith("\n")
    assert SignedNote.parse(text) == signed()


def test_a_key_reads_as_tools_of_transparency_logs_write_it() -> None:
    # From golang.org/x/mod/sumdb/note: the key of the example of its documentation.
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    with pytest.raises(ValueError, match="origin"):
        NoteKey.parse(text)  # ours are lower case
    name, told, key = text.split("+")
    assert NoteKey(name, base64.b64decode(key)[1:]).id.hex() == told
    assert NoteKey.parse(str(KEY)) == KEY


def test_no_changed_byte_of_a_note_is_believed() -> None:
    raw = signed().text().encode()
    assert signer_of(SignedNote.parse(raw.decode()), [KEY]) == KEY
    for place in range(len(raw)):
        for flip in (1, 0x20, 0x80):
            changed = bytearray(raw)
            changed[place] ^= flip
            try:
                note = SignedNote.parse(changed.decode())
            except ValueError:
                continue
            assert signer_of(note, [KEY]) is None, (place, flip)


def test_another_key_or_the_key_of_another_ledger_has_not_signed() -> None:
    other = NoteKey(ORIGIN, Ed25519PrivateKey.generate().public_key().public_bytes_raw())

    assert signer_of(signed(), []) is None
    assert signer_of(signed(), [other]) is None
    assert signer_of(signed(origin="elsewhere"), [KEY]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\n",
        f"{ORIGIN}\n07\n{'A' * 43}=\n\n— x AAAAAAAA\n",
        f"{ORIGIN}\n-1\n{'A' * 43}=\n\n— x AAAAAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\nmore\n\n— x AAAAAAAA\n",
        f"{ORIGIN}\n7\nAAAA\n\n— x AAAAAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 42}B=\n\n— x AAAAAAAA\n",
        f"{ORIGIN} \n7\n{'A' * 43}=\n\n— x AAAAAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\n\n- x AAAAAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\n\n— x AAAAAAAA",
        f"{ORIGIN}\n7\n{'A' * 43}=\n\n— x \U0001f600\n",
        "\ud800",
        "x" * 100_000,
    ],
)
def test_what_is_no_note_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|at most|base64"):
        SignedNote.parse(text)


@pytest.mark.parametrize("text", ["", "a", "a+b", "a+b+c", f"{KEY}x", str(KEY).replace("+", "-")])
def test_what_is_no_key_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is not the one"):
        NoteKey.parse(text)

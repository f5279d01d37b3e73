"""Verify evidence of a run without Mandate: ``python verify_evidence.py FILE KEY [KEY ...]``.

Needs Python and the package ``cryptography``. KEY is what ``mandate ledger keys`` prints, from
somebody you trust. It exits 0 where the file is whole and signed by that key, with 1 it says what
is wrong, or that history and ledger of the run did not agree, and 2 is for who asked wrongly. The
formats are those of DSSE, in-toto Statement v1, C2SP's signed notes, and RFC 6962.
"""

import base64
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Bad(Exception):
    """The file proves nothing."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key_of(text):
    name, told, raw = text.strip().split("+", 2)
    raw = base64.b64decode(raw, validate=True)
    if raw[0] != 1 or sha(name.encode(), b"\n", raw)[:4].hex() != told:
        raise Bad(f"{text!r} is no ed25519 key, or not the one of its id")
    return name, told, Ed25519PublicKey.from_public_bytes(raw[1:])


def signed(key, signature, message):
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise Bad("a signature is not of the key that it names") from None


def checkpoint(note, keys):
    head, _, tail = note.partition("\n\n")
    origin, size, root = head.split("\n")
    for line in tail.splitlines():
        _, name, raw = line.split(" ")
        raw = base64.b64decode(raw, validate=True)
        key = keys.get(f"{name}+{raw[:4].hex()}")
        if key is not None and name == origin:
            signed(key, raw[4:], (head + "\n").encode())
            return origin, int(size), base64.b64decode(root, validate=True)
    raise Bad("no key that was given has signed the ledger's note")


def included(leaf, index, size, proof, root):
    last, found = size - 1, leaf
    for step in map(bytes.fromhex, proof):
        if index & 1 or index == last:
            found = sha(b"\x01", step, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = sha(b"\x01", found, step)
        index, last = index >> 1, last >> 1
    return last == 0 and found == root


def verify(data, keys):
    bundle = json.loads(data)
    if (canonical(bundle) + "\n").encode() != data or bundle["kind"] != "mandate.evidence/v1":
        raise Bad("this is not the text of a bundle")
    envelope, files = bundle["envelope"], bundle["files"]
    payload, kind = base64.b64decode(envelope["payload"], validate=True), envelope["payloadType"]
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    if not envelope["signatures"] or kind != "application/vnd.in-toto+json":
        raise Bad("nobody has signed it")
    for each in envelope["signatures"]:
        if each["keyid"] not in keys:
            raise Bad(f"it is signed by {each['keyid']!r}, and that key was not given")
        signed(keys[each["keyid"]], base64.b64decode(each["sig"], validate=True), message)
    statement = json.loads(payload)
    if canonical(statement).encode() != payload:
        raise Bad("this is not the text of a statement")
    stated = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    if stated != {name: sha(text.encode()).hex() for name, text in files.items()}:
        raise Bad("its files are not those that were signed")
    run = statement["predicate"]["run"]
    origin, size, root = checkpoint(run["note"], keys)
    named = (run, *run["stages"], *run.get("earlier", ()))  # who wrote the begin, before a reset
    runs = {(each["workflow"], each["run"]) for each in named}
    for proof in map(json.loads, files["ledger.jsonl"].splitlines()):
        entry = json.loads(proof["entry"])
        leaf = sha(b"\x00", proof["entry"].encode())
        if not included(leaf, entry["seq"], size, proof["proof"], root):
            raise Bad(f"entry {entry['seq']} is not on the ledger {origin}")
        if (entry["workflow_id"], entry["run_id"]) not in runs:
            raise Bad(f"entry {entry['seq']} is of another run")
    compared = statement["predicate"].get("compared", {})  # those of before do not say it
    if compared.get("disagreements"):
        raise Bad(f"whole and signed, but the run is in dispute: {compared['first']}")
    return run["workflow"], run["run"]


if __name__ == "__main__":
    if not sys.argv[2:] or not all(
        re.fullmatch(r"[^+]+\+[^+]+\+\S+", each.strip()) for each in sys.argv[2:]
    ):
        print("usage: verify_evidence.py FILE KEY [KEY ...]", file=sys.stderr)
        print("KEY is what `mandate ledger keys` prints, and not a file with it", file=sys.stderr)
        sys.exit(2)
    try:
        named = {f"{name}+{told}": key for name, told, key in map(key_of, sys.argv[2:])}
        print("ok:", *verify(open(sys.argv[1], "rb").read(), named))
    except (Bad, OSError) as error:
        sys.exit(f"REFUSED: {error}")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        sys.exit(f"REFUSED: this is no evidence: {type(error).__name__}: {error}")

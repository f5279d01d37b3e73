"""What each tier is granted, path by path: the release's own word, with which Vault is compared.

Pure. ``OWN`` stands for the agent's own entity, ``OTHER`` for another agent's. A path that is not
listed here is not compared; what matters is: every zone, every key, every path of governance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dsl.core import Tier

OWN: Final = "<own entity>"
OTHER: Final = "<another entity>"

_LETTERS: Final = {
    "create": "C",
    "read": "R",
    "update": "U",
    "delete": "D",
    "list": "L",
    "patch": "P",
    "sudo": "S",
    "deny": "-",
    "root": "*",
}
_WORDS: Final = {letter: word for word, letter in _LETTERS.items()} | {"-": "nothing"}

_UNKNOWN: Final = "?"

# What is granted on each path to T0, T1, T2, T3, T4; "S" is sudo, "-" is nothing. A control group
# does not show: what is gated looks like what is granted.
MATRIX: Final[Mapping[str, tuple[str, str, str, str, str]]] = {
    "kv-shared/data/docs/a": ("R", "R", "R", "R", "R"),
    "kv-shared/data/inventory/a": ("R", "R", "R", "R", "R"),
    "kv-shared/data/other/a": ("-", "-", "-", "-", "-"),
    f"kv-agents/data/{OWN}/x": ("CDRU", "CDRU", "CDRU", "CDRU", "CDRU"),
    f"kv-agents/data/{OTHER}/x": ("-", "-", "-", "-", "-"),
    "kv-sandbox/data/x": ("-", "CDPRU", "CDPRU", "CDPRU", "-"),
    "kv-sandbox/metadata/": ("-", "LR", "LR", "LR", "-"),
    "ssh-sandbox/sign/operator": ("-", "U", "U", "U", "-"),
    "db/creds/sandbox-rw": ("-", "R", "R", "R", "-"),
    "kv-build/data/ci": ("-", "-", "R", "R", "-"),
    "kv-build/data/artifacts/1": ("-", "-", "CRU", "CRU", "-"),
    "gov-transit/sign/artifact-build": ("-", "-", "U", "U", "-"),
    "gov-transit/verify/artifact-build": ("U", "U", "U", "U", "U"),
    "pki-agents/issue/build": ("-", "-", "U", "U", "-"),
    "kv-prod/data/svc/db": ("-", "-", "-", "R", "-"),
    "ssh-prod/sign/executor": ("-", "-", "-", "U", "-"),
    "sys/policies/acl/gov-t0": ("-", "-", "-", "-", "CRU"),
    "sys/policies/acl/gov-t4": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-approver": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-broker": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-broker-t3": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-installer": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-ledger": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-notifier": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-promoter": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-registrar": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-revoker": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-reinstater": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/gov-sweeper": ("-", "-", "-", "-", "R"),
    "sys/policies/acl/root": ("-", "-", "-", "-", "-"),
    "auth/token/roles/gov-agent-x": ("-", "-", "-", "-", "R"),
    "identity/entity/name/agent-x": ("-", "-", "-", "-", "R"),
    "identity/entity/id/x": ("-", "-", "-", "-", "-"),
    "sys/audit": ("-", "-", "-", "-", "RS"),
    "sys/mounts/kv-prod": ("-", "-", "-", "-", "-"),
    "sys/raw/x": ("-", "-", "-", "-", "-"),
    "sys/seal": ("-", "-", "-", "-", "-"),
    "auth/token/create": ("-", "-", "-", "-", "-"),
    "auth/token/create/gov-agent-x": ("-", "-", "-", "-", "-"),
    "auth/token/accessors": ("-", "-", "-", "-", "-"),
    "auth/token/revoke-accessor": ("-", "-", "-", "-", "-"),
    "auth/token/create/gov3-gate-agent-x": ("-", "-", "-", "-", "-"),
    "gov-transit/sign/ledger-head": ("-", "-", "-", "-", "-"),
    "gov-transit/sign/approver-x": ("-", "-", "-", "-", "-"),
    f"gov-transit/keys/approver-{OWN}": ("-", "-", "-", "-", "-"),
    f"gov-transit/sign/approver-{OWN}": ("-", "-", "-", "-", "-"),
    "sys/control-group/authorize": ("-", "-", "-", "-", "-"),
    "kv-gates/data/x": ("-", "-", "-", "-", "-"),
    "kv-gates/metadata/": ("-", "-", "-", "-", "-"),
    "kv-notify/data/x": ("-", "-", "-", "-", "-"),
    "kv-notify/metadata/": ("-", "-", "-", "-", "-"),
}


def paths(own: str, other: str) -> dict[str, str]:
    """Return the path to be asked about for each row of the matrix."""
    return {row: row.replace(OWN, own).replace(OTHER, other) for row in MATRIX}


def letters(capabilities: Sequence[str]) -> str:
    """Return capabilities, as Vault names them, in the spelling of the matrix."""
    # One that this release does not know is more than it grants.
    return "".join(sorted(_LETTERS.get(each, _UNKNOWN) for each in capabilities)) or "-"


def compare(tier: Tier, granted: Mapping[str, Sequence[str]]) -> list[str]:
    """Return one sentence per row of which ``tier`` is granted something else.

    Args:
        tier: whose rights were asked for.
        granted: what Vault says, by row; a row of which it says nothing is never as expected.
    """
    found = {row: letters(granted[row]) if row in granted else _UNKNOWN for row in MATRIX}
    return [
        f"{tier.name} is granted {_spelled(found[row])} on {row}, "
        f"expected {_spelled(expected[tier])}"
        for row, expected in MATRIX.items()
        if found[row] != expected[tier]
    ]


def _spelled(rights: str) -> str:
    return ", ".join(_WORDS.get(letter, "something unknown") for letter in rights)

"""Which policies open a way around a gate that Vault keeps? Pure; reads texts of policies.

Where two policies of one token match the same path, Vault takes one of them, and with it the
control group or none. So what is gated may be granted in one place only. The rules:

1. What is gated, and by which policy, stands in ``GATES``. Any other grant of what is controlled
   there is found: the same pattern, a longer one, a wider one; with a control group of its own,
   too, which would be another one.
2. The zone that a template names is one of ours; any other template may be any text.
3. A grant of what is not controlled is none: who writes a secret unread, or reads a policy.
4. A statement whose rights cannot be read is taken to grant everything; a policy with no readable
   statement is found as such.
5. The one exception is the installer's: no agent's token can carry its policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dsl.core import Tier
from integrations.vault import naming
from integrations.vault.identity import tiers

_STATEMENT: Final = re.compile(r'\bpath\s+"([^"]*)"')
_RIGHTS: Final = re.compile(r"\bcapabilities\s*=\s*\[([^\]]*)\]")
_WORD: Final = re.compile(r'"([a-z]+)"')
_TEMPLATE: Final = re.compile(r"\{\{(.*?)\}\}")
_ZONE: Final = "identity.entity.metadata."

# In a pattern as compared: any text, and any text within one part of a path.
_ANY: Final = "*"
_PART: Final = "+"


@dataclass(frozen=True, slots=True)
class Gate:
    """One gated pattern: the policy that keeps it, and what it controls."""

    policy: str
    path: str
    controlled: frozenset[str]


_T3: Final = "{{identity.entity.metadata.t3}}"
GATES: Final = (
    Gate(naming.EXECUTOR_POLICY, f"kv-{_T3}/data/*", frozenset({"read"})),
    Gate(naming.EXECUTOR_POLICY, f"ssh-{_T3}/sign/executor", frozenset({"create", "update"})),
    Gate(
        naming.ARCHITECT_POLICY,
        "sys/policies/acl/gov-*",
        frozenset({"create", "update", "patch", "delete"}),
    ),
)
EXCEPTIONS: Final = frozenset(
    {(gate.policy, gate.path) for gate in GATES}
    # (5) the installer's, the one exception
    | {(naming.INSTALLER_POLICY, "sys/policies/acl/gov-*")}
)


def overlaps(policies: Mapping[str, str]) -> tuple[str, ...]:
    """Return one sentence per way around a gate in ``policies``, texts by name."""
    return tuple(said for name in sorted(policies) for said in _found(name, policies[name]))


def _found(name: str, text: str) -> Iterator[str]:
    grants = list(_grants(text))
    if not grants and "path" in text:
        # (4) nothing of it can be read
        yield f"policy {name}: no statement of it can be read here: look at it yourself"
    for path, rights in grants:
        if (name, path) in EXCEPTIONS:
            continue
        for gate in GATES:
            granted = gate.controlled if rights is None else gate.controlled & rights
            # (1) (3) wider too, and not controlled is none
            if granted and meet(_normal(path), _normal(gate.path)):
                yield (
                    f"policy {name} grants {', '.join(sorted(granted))} on {path}, which "
                    f"{gate.policy} gates as {gate.path}: take it out of {name}"
                )


def _grants(text: str) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Return every path and its rights; None for rights that cannot be read (4)."""
    statements = list(_STATEMENT.finditer(text))
    for number, statement in enumerate(statements, 1):
        end = statements[number].start() if number < len(statements) else len(text)
        lists = _RIGHTS.findall(text[statement.end() : end])
        words = frozenset(word for each in lists for word in _WORD.findall(each))
        yield statement[1], words if lists else None


def _normal(path: str) -> tuple[str, ...]:
    """Return the pattern as single characters and wildcards (2)."""
    # Vault knows "+" as a whole part only, and "*" at the end; taken as wildcards they find more.
    return tuple(_TEMPLATE.sub(_value, path.lstrip("/")))


def _value(template: re.Match[str]) -> str:
    inner = template[1].strip()
    key = inner.removeprefix(_ZONE)
    zones = tiers.zone_metadata(Tier.T3)
    return zones[key] if inner.startswith(_ZONE) and key in zones else _PART


def meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether some path fits both patterns."""
    # reached[j]: what is left of `one` from i and of `other` from j can be the same text.
    reached = [all(map(_may_be_empty, other[j:])) for j in range(len(other) + 1)]
    for mine in reversed(one):
        below, reached = reached, [False] * (len(other) + 1)
        reached[-1] = below[-1] and _may_be_empty(mine)
        for j in range(len(other) - 1, -1, -1):
            reached[j] = _step(mine, other[j], below, reached, j)
    return reached[0]


def _step(mine: str, theirs: str, below: list[bool], here: list[bool], j: int) -> bool:
    """Say whether the rests are the same text, given the answers for shorter rests."""
    if _may_be_empty(mine) and below[j]:
        return True
    if _may_be_empty(theirs) and here[j + 1]:
        return True
    if _may_be_empty(mine):
        return _admits(mine, theirs) and here[j + 1]
    if _may_be_empty(theirs):
        return _admits(theirs, mine) and below[j]
    return mine == theirs and below[j + 1]


def _may_be_empty(sign: str) -> bool:
    return sign in (_ANY, _PART)


def _admits(wildcard: str, sign: str) -> bool:
    return wildcard == _ANY or sign != "/"

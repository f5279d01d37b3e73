"""What one phase has put down, a gate has approved, and a later phase acts on: that, or nothing.

1. It is what this stage has put down itself, or what exactly one earlier stage hands it.
2. Parts that ``changes.json`` names by their digest are those bytes.
3. What was put down too long ago is refused.
4. Secrets reach EXECUTE alone. With ``credentials`` it is put down there, in place of PLAN; a stage
   that has secrets and does not say so is refused.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import digest, finish, give_up

CHANGES = "changes.json"


@dataclass(frozen=True)
class Work:
    """How looking ahead and acting are called, and what looking ahead puts down."""

    look: str  # the action, and what it makes: "plan"
    looked: str  # "planned"
    act: str
    pinned: Mapping[str, str]  # file, and its name in ``changes.json`` (2)

    @property
    def actions(self) -> tuple[str, str, str]:
        """Return the actions of a stage: look, act, or both without a gate between."""
        return (self.look, self.act, f"{self.look}-and-{self.act}")


class Approved:
    """What was put down, by an earlier stage or by this one (1)."""

    def __init__(self, work: Work, prior: Mapping[str, Any], *, own: bool) -> None:
        parts, first = (*work.pinned, CHANGES), next(iter(work.pinned))
        found = [name.removesuffix(first) for name in prior if name.endswith(f"/{first}")]
        bases = [""] if own else found
        if len(bases) != 1 or any(bases[0] + part not in prior for part in parts):
            give_up(
                f"this stage has no {work.look} of its own: PLAN was left out, or it acts at T3 or "
                "above, where only what was approved is heard"
                if own
                else f"`action: {work.act}` takes the {work.look} of one earlier stage, and "
                f"{len(bases)} hand it one: let a stage with `action: {work.look}` come before, "
                "and a gate approve it"
            )
        self._work = work
        self.files = {part: Path(prior[bases[0] + part]["path"]) for part in parts}
        self.told: dict[str, Any] = json.loads(self.files[CHANGES].read_bytes())
        for part, name in work.pinned.items():  # (2) by their digest
            if digest(self.files[part]) != self.told[name]:
                give_up(f"{part} is not what changes.json tells of: {work.look} again")
        self.summary: str = self.told["summary"]

    def refuse_old(self, age_max_s: int) -> None:
        """Refuse what was put down long ago (3)."""
        age_s, look = int(time.time() - self.told["created"]), self._work.look
        if age_s > age_max_s:
            give_up(f"the {look} is {age_s} s old and `max_age` is {age_max_s} s: {look} again")


def is_late(request: Mapping[str, Any]) -> bool:
    """Tell whether all is done in EXECUTE, which gets the secrets (4)."""
    late = bool(request["input"].get("credentials"))
    if request["secrets"] and not late:
        give_up("a stage with secrets takes `credentials: true`: they reach EXECUTE alone")
    return late


def prior_of(
    work: Work, request: Mapping[str, Any], action: str, put_down: Callable[[], None], *, late: bool
) -> tuple[Mapping[str, Any], bool]:
    """Return the artifacts to go by, and whether they are this stage's own.

    They are put down where this is the phase for that (1), (4).
    """
    if action == work.act:
        return request["prior"], False
    if request["phase"] == "PLAN" and late:
        finish(f"it is {work.looked} in EXECUTE, which gets the secrets")
    if request["phase"] != ("EXECUTE" if late else "PLAN"):
        return request["prior"], True
    put_down()
    return {part: {"path": part} for part in (*work.pinned, CHANGES)}, True

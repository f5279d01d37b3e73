"""ansible: checks what a playbook would change, and runs exactly what was approved.

Input: ``workspace`` (absolute; the engine sets it) and what the template declares. Output:
``changed``, ``hosts``. Artifacts of PLAN: ``check.txt``, ``changes.json``, ``configuration.tar``;
of EXECUTE ``run.txt`` and ``run.json``; of VERIFY, where something is left to do, ``drift.txt``.

1. ``action: check`` only checks. ``run`` runs what an earlier stage has checked and hands to it;
   ``check-and-run`` what the same stage has checked.
2. Playbook, inventory, variables and all beside them are a copy, kept as ``configuration.tar`` and
   known by the digest in ``changes.json``. That copy is run; the workspace may have moved on.
3. A check that is older than ``max_age`` is refused, and so are hosts that were not checked.
4. EXECUTE checks once more and compares: where something else would change than was approved, on a
   host or in a diff, it refuses, and nothing is run. In a later try less may be left to do.
5. No change: EXECUTE says so and runs nothing. VERIFY checks again and wants no change.
6. Secrets reach EXECUTE alone. With ``credentials`` it is checked there, and once more at its end,
   in place of PLAN and VERIFY. A stage that has secrets and does not say so is refused.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from approved import Approved, Work, is_late, prior_of
from configuration import pack
from contract import asked, below, choice, digest, finish, give_up, leave, leave_json, seconds
from contract import workspace as workspace_of
from playbook import Playbook, PlaybookRun

WORK = Work(
    look="check",
    looked="checked",
    act="run",
    pinned={"configuration.tar": "configuration"},
)
SHOWN_MAX = 5


def main() -> None:
    """Answer one request."""
    request = asked()
    given, phase = request["input"], request["phase"]
    action = choice(given, "action", WORK.actions)
    playbook = Playbook(request)
    late = is_late(request)  # (6) secrets reach EXECUTE alone
    # (1) only what was checked
    prior, own = prior_of(WORK, request, action, lambda: put_down(playbook), late=late)
    approved = ApprovedCheck(WORK, prior, own=own)
    if phase == "VERIFY":
        verify(playbook, approved, checked_only=action == WORK.look, late=late)
    if action == WORK.look:
        finish(approved.summary, approved.output)
    approved.refuse_old(seconds(given, "max_age", "24h"))
    if phase == "PLAN":
        finish(approved.summary, approved.output)
    run(playbook, approved, attempt=request["attempt"], late=late)


class ApprovedCheck(Approved):
    """A check as it was put down."""

    @property
    def output(self) -> dict[str, Any]:
        """Return what the stage says of it."""
        return {"changed": self.told["changed"], "hosts": self.told["hosts"]}

    def refuse_hosts(self, hosts: set[str]) -> None:
        """Refuse hosts that nobody has looked at (3)."""
        unknown = sorted(hosts.difference(self.told["hosts"]))
        if unknown:
            give_up(f"not checked before: {', '.join(unknown[:SHOWN_MAX])}")

    def refuse_difference(self, now: PlaybookRun, *, attempt: int) -> None:
        """Refuse to run what would change something else than was approved (4)."""
        here = [each for each in self.told["steps"] if each["host"] in now.recap]
        was, found = _counted(here), _counted(now.changes)
        differing = list((found - was) if attempt > 1 else (found - was) + (was - found))
        if differing:
            shown = "; ".join(f"{task} on {host}" for _, task, host, _ in differing[:SHOWN_MAX])
            give_up(f"what would change now is not what was approved ({shown}): check again")


def put_down(playbook: Playbook) -> None:
    """Check, and put down what would change."""
    archive = Path("configuration.tar")
    given = playbook.given
    pack(workspace_of(given) / below(given, "root", "."), archive)
    playbook.prepare(archive)
    found = playbook.run(check=True)
    hosts = sorted(found.recap)
    summary = f"{found.changed} to change on {len(hosts)} hosts"
    leave("check.txt", "text/plain", f"{summary}\n{found.text}")
    if found.bad:
        finish(f"the check failed on {', '.join(found.bad[:SHOWN_MAX])}", status="failed")
    leave("configuration.tar", "application/x-tar")
    leave_json(
        "changes.json",
        {
            "summary": summary,
            "changed": found.changed,
            "hosts": hosts,
            "steps": found.changes,
            "created": int(time.time()),
            "configuration": digest(archive),
        },
    )


def run(playbook: Playbook, approved: ApprovedCheck, *, attempt: int, late: bool) -> NoReturn:
    """EXECUTE: run that, and nothing else."""
    playbook.prepare(approved.files["configuration.tar"])
    now = playbook.checked or playbook.run(check=True)  # (4) nothing is looked at twice in a row
    approved.refuse_hosts(set(now.recap))
    if now.bad:
        give_up(f"nothing was run: {', '.join(now.bad[:SHOWN_MAX])} cannot be checked", 1)
    approved.refuse_difference(now, attempt=attempt)
    hosts = sorted(now.recap)
    if not now.changed:  # (5) no change: nothing runs
        finish("no changes: nothing was run", {"ran": False, "changed": 0, "hosts": hosts})
    done = playbook.run(check=False)
    leave("run.txt", "text/plain", done.text)
    leave_json("run.json", {"configuration": approved.told["configuration"], "recap": done.recap})
    summary = f"{done.changed} changed on {len(hosts)} hosts"
    if done.bad:
        finish(f"{summary}; failed on {', '.join(done.bad[:SHOWN_MAX])}", status="failed")
    if late:
        refuse_drift(playbook)
    finish(summary, {"ran": True, "changed": done.changed, "hosts": hosts})


def verify(
    playbook: Playbook, approved: ApprovedCheck, *, checked_only: bool, late: bool
) -> NoReturn:
    """VERIFY: check again; nothing may be left to do (5)."""
    if checked_only:
        finish("nothing was run")
    if late:
        finish("nothing was left to do at the end of EXECUTE")  # it has failed otherwise (6)
    playbook.prepare(approved.files["configuration.tar"])
    refuse_drift(playbook)
    finish("no change is left to do")


def refuse_drift(playbook: Playbook) -> None:
    """Check again; end where anything is left to do."""
    left = playbook.run(check=True)
    if left.changed or left.bad:
        leave("drift.txt", "text/plain", left.text)
        finish(f"{left.changed} changes are left to do: see drift.txt", status="failed")


def _counted(steps: list[dict[str, str]]) -> Counter[tuple[str, str, str, str]]:
    return Counter((each["play"], each["task"], each["host"], each["diff"]) for each in steps)


if __name__ == "__main__":
    main()

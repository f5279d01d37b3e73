"""terraform: plans a change, and applies exactly the plan that was approved.

Input: ``workspace`` (absolute; the engine sets it) and what the template declares. Output:
``add``, ``change``, ``destroy``; of EXECUTE also ``applied`` and the ``outputs`` that are not
sensitive. Artifacts of PLAN: ``tfplan``, ``plan.txt``, ``changes.json``, ``configuration.tar``; of
EXECUTE ``applied.json``; of VERIFY, where something differs, ``drift.txt``.

1. ``action: plan`` only plans. ``apply`` applies the one plan that an earlier stage hands it and
   never plans for itself; ``plan-and-apply`` applies what the same stage has planned.
2. What is planned is a copy, kept as ``configuration.tar``. Applied is that copy again, with that
   ``tfplan``; both are compared with ``changes.json``. The workspace may have moved on.
3. A plan whose state has moved, or that is older than ``max_age``, is refused. In a later try it is
   no error where nothing is left to change: the try before has applied it.
4. No change: EXECUTE says so and starts nothing. VERIFY plans again and wants no difference.
5. A plan that holds a secret is refused: it keeps its values in clear. The texts do not show what
   is sensitive.
6. Secrets reach EXECUTE alone. With ``credentials`` it is planned there, and looked at again at its
   end, in place of PLAN and VERIFY. A stage that has secrets and does not say so is refused: what
   was planned without them is not what is meant.
"""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from approved import Approved, Work, is_late, prior_of
from configuration import pack
from contract import asked, below, choice, digest, finish, give_up, leave, leave_json, seconds
from terraform_tool import TerraformTool, ToolAnswer, told

WORK = Work(
    look="plan",
    looked="planned",
    act="apply",
    pinned={"tfplan": "plan", "configuration.tar": "configuration"},
)
OUTPUTS_BYTES_MAX = 16_384  # in the output of the stage; applied.json has them all
COUNTED = {"add": "create", "change": "update", "destroy": "delete"}


def main() -> None:
    """Answer one request."""
    request = asked()
    given, phase = request["input"], request["phase"]
    action = choice(given, "action", WORK.actions)
    tool = TerraformTool(request)
    late = is_late(request)  # (6) secrets reach EXECUTE alone
    # (1) apply never plans for itself
    prior, own = prior_of(WORK, request, action, lambda: put_down(tool), late=late)
    approved = ApprovedPlan(WORK, prior, own=own)
    if phase == "VERIFY":
        verify(tool, approved, planned_only=action == WORK.look, late=late)
    if action == WORK.look:
        finish(approved.summary, approved.counts)
    approved.refuse_old(seconds(given, "max_age", "24h"))
    if phase == "PLAN":
        finish(approved.summary, approved.counts)
    apply(tool, approved, attempt=request["attempt"], late=late)


class ApprovedPlan(Approved):
    """A plan as it was put down."""

    @property
    def counts(self) -> dict[str, int]:
        """Return how much it adds, changes and destroys."""
        return {name: self.told[name] for name in COUNTED}


def put_down(tool: TerraformTool) -> None:
    """Plan, and put down what would change."""
    archive, file = Path("configuration.tar"), Path("tfplan")
    root = below(tool.given, "root", ".")
    pack(tool.workspace / root, archive)
    tool.prepare(archive)
    changes = tool.plan(file)
    refuse_secrets(file, tool.secrets)
    text, shown = tool.show(file)
    resources = [
        {"address": each["address"], "actions": each["change"]["actions"]}
        for each in shown.get("resource_changes", ())
        if not {"no-op", "read"}.issuperset(each["change"]["actions"])
    ]
    counts = {
        name: sum(action in each["actions"] for each in resources)
        for name, action in COUNTED.items()
    }
    words = ", ".join(f"{count} to {name}" for name, count in counts.items())
    summary = words if resources else "only outputs change" if changes else "no changes"
    leave("plan.txt", "text/plain", f"{summary}\n{text}")
    leave("tfplan", "application/zip")
    leave("configuration.tar", "application/x-tar")
    leave_json(
        "changes.json",
        {
            "summary": summary,
            **counts,
            "changes": changes,
            "resources": resources,
            "created": int(time.time()),
            "tool": f"{Path(tool.path).name} {shown.get('terraform_version', '')}",
            "plan": digest(file),
            "configuration": digest(archive),
        },
    )


def apply(tool: TerraformTool, approved: ApprovedPlan, *, attempt: int, late: bool) -> NoReturn:
    """EXECUTE: apply that plan and no other."""
    if not approved.told["changes"]:  # (4) no change: nothing starts
        finish("no changes: nothing was applied", {"applied": False, **approved.counts})
    tool.prepare(approved.files["configuration.tar"])
    said = tool.apply(approved.files["tfplan"])
    if is_stale(said):  # (3) its state has moved
        if attempt > 1 and not tool.plan(Path("again")):
            finish("an earlier try has applied it", {"applied": True, **approved.counts})
        give_up("the state has moved since the plan was made, and nothing was applied: plan again")
    done = [
        event["hook"]["resource"]["addr"]
        for event in said.events
        if event.get("type") == "apply_complete"
    ]
    if said.status and not done:
        tool.fail("apply", said.errors)
    outputs = outputs_of(said)
    leave_json("applied.json", {"plan": approved.told["plan"], "done": done, "outputs": outputs})
    if said.status:
        why = told("; ".join(error["summary"] for error in said.errors))
        finish(f"stopped after {len(done)} resources: {why}", status="failed")
    if late:
        refuse_drift(tool)
    if len(json.dumps(outputs)) > OUTPUTS_BYTES_MAX:
        outputs = {}
    output = {"applied": True, **approved.counts, "outputs": outputs}
    finish(f"applied: {approved.summary}", output)


def verify(
    tool: TerraformTool, approved: ApprovedPlan, *, planned_only: bool, late: bool
) -> NoReturn:
    """VERIFY: plan again; nothing may be left to do (4)."""
    if planned_only:
        finish("nothing was applied")
    if late:
        finish("nothing was left to do at the end of EXECUTE")  # it has failed otherwise (6)
    tool.prepare(approved.files["configuration.tar"])
    refuse_drift(tool)
    finish("no difference is left")


def refuse_drift(tool: TerraformTool) -> None:
    """Plan again; end where anything is left to do."""
    again = Path("again")
    if tool.plan(again):
        leave("drift.txt", "text/plain", tool.show(again)[0])
        finish("what is there differs from what was planned: see drift.txt", status="failed")


def is_stale(said: ToolAnswer) -> bool:
    """Tell whether the plan was refused for its state (3)."""
    words = ("stale", "different state", "does not match the given state", "lineage")
    return any(word in error["summary"] for error in said.errors for word in words)


def outputs_of(said: ToolAnswer) -> dict[str, Any]:
    """Return the outputs that are not sensitive."""
    outputs: dict[str, Any] = {}
    for event in said.events:
        if event.get("type") == "outputs":
            for name, output in event["outputs"].items():
                if not output.get("sensitive") and "value" in output:
                    outputs[name] = output["value"]
    return outputs


def refuse_secrets(file: Path, secrets: dict[str, str]) -> None:
    """Refuse a plan that would be kept with a secret in it (5)."""
    with zipfile.ZipFile(file) as parts:
        for part in parts.namelist():
            data = parts.read(part)
            for name, value in secrets.items():
                if value and value.encode() in data:
                    give_up(
                        f"the plan would keep secret {name} in clear: declare what takes it "
                        "`ephemeral`, or let the provider read it from its environment"
                    )


if __name__ == "__main__":
    main()

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

from configuration import pack
from contract import asked, below, choice, digest, finish, give_up, leave, leave_json, seconds
from terraform_tool import TerraformTool, ToolAnswer, told

ACTIONS = ("plan", "apply", "plan-and-apply")
PARTS = ("tfplan", "changes.json", "configuration.tar")
OUTPUTS_BYTES_MAX = 16_384  # in the output of the stage; applied.json has them all
COUNTED = {"add": "create", "change": "update", "destroy": "delete"}


def main() -> None:
    """Answer one request."""
    request = asked()
    given, phase = request["input"], request["phase"]
    action, late = choice(given, "action", ACTIONS), bool(given.get("credentials"))
    tool = TerraformTool(request)
    if request["secrets"] and not late:  # (6)
        give_up("a stage with secrets takes `credentials: true`: they reach EXECUTE alone")
    approved = approved_of(request, tool, action, late=late)
    if phase == "VERIFY":
        verify(tool, approved, planned_only=action == "plan", late=late)
    if action == "plan":
        finish(approved.summary, approved.counts)
    approved.refuse_old(seconds(given, "max_age", "24h"))
    if phase == "PLAN":
        finish(approved.summary, approved.counts)
    apply(tool, approved, attempt=request["attempt"], late=late)


def approved_of(
    request: dict[str, Any], tool: TerraformTool, action: str, *, late: bool
) -> ApprovedPlan:
    """Return the plan to go by; make it where this is the phase for that (1), (6)."""
    if action == "apply":
        return ApprovedPlan(request["prior"], own=False)
    if request["phase"] == "PLAN" and late:
        finish("it is planned in EXECUTE, which gets the secrets")
    if request["phase"] != ("EXECUTE" if late else "PLAN"):
        return ApprovedPlan(request["prior"], own=True)
    put_down(tool)
    return ApprovedPlan({part: {"path": part} for part in PARTS}, own=True)


class ApprovedPlan:
    """A plan as it was put down, by an earlier stage or by this one (1)."""

    def __init__(self, prior: dict[str, Any], *, own: bool) -> None:
        found = [name.removesuffix("tfplan") for name in prior if name.endswith("/tfplan")]
        bases = [""] if own else found
        if len(bases) != 1 or any(bases[0] + part not in prior for part in PARTS):
            give_up(
                "this stage has no plan of its own: PLAN was left out, or it acts at T3 or above, "
                "where only what was approved is heard"
                if own
                else f"`action: apply` takes the plan of one earlier stage, and {len(bases)} hand "
                "it one: let a stage with `action: plan` come before, and a gate approve it"
            )
        paths = [Path(prior[bases[0] + part]["path"]) for part in PARTS]
        self.tfplan, self.changes, self.configuration = paths
        self.told: dict[str, Any] = json.loads(self.changes.read_bytes())
        for name, file in (("plan", self.tfplan), ("configuration", self.configuration)):  # (2)
            if digest(file) != self.told[name]:
                give_up(f"{file.name} is not what changes.json tells of: plan again")
        self.counts = {name: self.told[name] for name in COUNTED}
        self.summary: str = self.told["summary"]

    def refuse_old(self, age_max_s: int) -> None:
        """Refuse a plan of long ago (3)."""
        age_s = int(time.time() - self.told["created"])
        if age_s > age_max_s:
            give_up(f"the plan is {age_s} s old and `max_age` is {age_max_s} s: plan again")


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
    if not approved.told["changes"]:  # (4)
        finish("no changes: nothing was applied", {"applied": False, **approved.counts})
    tool.prepare(approved.configuration)
    said = tool.apply(approved.tfplan)
    if is_stale(said):  # (3)
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
    tool.prepare(approved.configuration)
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

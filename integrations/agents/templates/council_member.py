"""council-member: says what rules make of the outputs it is given, as a member of a council does.

Input: ``workspace`` (absolute; the engine sets it) and what the template declares. Output:
``decision``, ``confidence``, ``rationale``. Artifact: ``opinion.json``, rule by rule.

1. A rule looks at every output whose ``<stage>/<name>`` fits its ``artifact``, and holds where it
   holds for all of them. Where none fits, or one cannot be read, it is undecided.
2. One rule that is broken: reject, with confidence 1. All that were decided hold: approve, with the
   share of rules that were. None was decided: reject with confidence 0, which is for people.
3. The shipped rules stand for outputs of the shipped templates, and those without such an output
   are left out. ``rules_file`` replaces them, and there no rule is left out.
4. A rule that cannot be understood is refused: it would be a rule that always holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from contract import asked, below, finish, give_up, leave_json, workspace

RULES_MAX = 100
RATIONALE_MAX = 400  # characters
_FIELDS: dict[str, type] = {
    "name": str,
    "artifact": str,
    "pointer": str,
    "count": dict,
    "max": float,
    "min": float,
    "equals": object,
    "contains": str,
    "lacks": str,
}
_SHOWN = {str: "a text", dict: "fields with their values", float: "a number"}
_TESTS = ("max", "min", "equals", "contains", "lacks")


def main() -> None:
    """Answer one request."""
    request = asked()
    given, outputs = request["input"], request["prior"]
    rules = own_rules(given) if given.get("rules_file") else shipped_rules(given, outputs)
    opinions = [(rule["name"], *judge(rule, outputs)) for rule in rules]
    broken = [why for _, holds, why in opinions if holds is False]
    decided = [name for name, holds, _ in opinions if holds is not None]
    undecided = [why for _, holds, why in opinions if holds is None]
    approve = bool(decided) and not broken  # (2) one broken rule rejects
    confidence = 1.0 if broken else round(len(decided) / len(rules), 2) if rules else 0.0
    reasons = broken or [*(f"{name} holds" for name in decided), *undecided]
    rationale = "; ".join(reasons)[:RATIONALE_MAX] or "there is nothing to judge by"
    leave_json(
        "opinion.json",
        [{"rule": name, "holds": holds, "why": why} for name, holds, why in opinions],
    )
    decision = "approve" if approve else "reject"
    finish(
        f"{decision}: {rationale}",
        {"decision": decision, "confidence": confidence, "rationale": rationale},
    )


def shipped_rules(given: dict[str, Any], outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules that have something to look at (3)."""
    findings = {"artifact": "*/findings.json"}
    changes = {"artifact": "*/changes.json"}
    rules = [
        {"name": f"{severity} findings", **findings, "count": {"severity": severity}, "max": most}
        for severity, most in (
            ("high", given.get("high_max", 0)),
            ("medium", given.get("medium_max", 0)),
        )
    ]
    most = given.get("destroy_max", 0)
    rules.append({"name": "resources destroyed", **changes, "pointer": "/destroy", "max": most})
    return [rule for rule in rules if any(_matching(rule, outputs))]


def own_rules(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules of ``rules_file``: ``{"rules": [{"name", "artifact", …}]}`` (4)."""
    try:
        document = json.loads((workspace(given) / below(given, "rules_file")).read_bytes())
        rules = document["rules"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        give_up(f'input `rules_file`: expected {{"rules": […]}}: {error}')
    if not isinstance(rules, list) or not 0 < len(rules) <= RULES_MAX:
        give_up(f"input `rules_file`: expected 1 to {RULES_MAX} rules")
    for number, rule in enumerate(rules, 1):
        why = refusal(rule)
        if why:
            give_up(f"input `rules_file`: rule {number} {why}")
    return rules


def refusal(rule: Any) -> str:
    """Say why a rule cannot be understood; empty: it can."""
    if not isinstance(rule, dict) or not _FIELDS.keys() >= rule.keys():
        return f"may have {', '.join(_FIELDS)} and nothing else"
    if not rule.keys() & set(_TESTS):
        return f"needs one of {', '.join(_TESTS)}"
    for name, kind in _FIELDS.items():
        needed = name in ("name", "artifact")
        if (needed or name in rule) and not _is(rule.get(name), kind):
            return f"needs {_SHOWN[kind]} as `{name}`"
    return ""


def judge(rule: dict[str, Any], outputs: dict[str, Any]) -> tuple[bool | None, str]:
    """Tell whether a rule holds, and why; None: undecided (1)."""
    found = list(_matching(rule, outputs))
    if not found:
        return None, f"{rule['name']}: no output {rule['artifact']}"
    for name, path in found:
        try:
            text = path.read_text(encoding="utf-8")
            why = _breach(rule, text)
        except (OSError, ValueError, LookupError, TypeError) as error:
            return None, f"{rule['name']}: {name} cannot be judged: {error}"
        if why:
            return False, f"{rule['name']}: {why} in {name}"
    return True, "holds"


def _matching(rule: dict[str, Any], outputs: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    for name, output in sorted(outputs.items()):
        if fnmatchcase(name, rule["artifact"]):
            yield name, Path(output["path"])


def _breach(rule: dict[str, Any], text: str) -> str:
    """Say how the text of an output breaks a rule; empty: it does not."""
    if rule.get("contains", "") not in text:
        return f"no {rule['contains']!r}"
    if "lacks" in rule and rule["lacks"] in text:
        return f"{rule['lacks']!r}"
    if not {"max", "min", "equals"} & rule.keys():
        return ""
    value = _at(json.loads(text), rule.get("pointer", ""))
    if "count" in rule:
        wanted = rule["count"].items()
        value = sum(all(each.get(k) == v for k, v in wanted) for each in _list(value))
    return _breach_of_value(rule, value)


def _breach_of_value(rule: dict[str, Any], value: Any) -> str:
    if "equals" in rule and (value != rule["equals"] or type(value) is not type(rule["equals"])):
        return f"{value!r}, not {rule['equals']!r},"
    if not {"max", "min"} & rule.keys():
        return ""
    if not _is(value, float):
        raise TypeError(f"{value!r} is no number")
    if not rule.get("min", value) <= value <= rule.get("max", value):
        limits = " and ".join(f"{name} is {rule[name]}" for name in ("min", "max") if name in rule)
        return f"{value} where {limits}"
    return ""


def _at(value: Any, pointer: str) -> Any:
    """Return what a JSON pointer points to."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _list(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError("there is no list of objects to count")
    return value


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


if __name__ == "__main__":
    main()

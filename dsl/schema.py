"""The JSON Schemas of pipelines and templates, for editors and pre-commit hooks.

They are made from the models, so they cannot promise what the parser refuses. They say less than
the parser: names, references and governance are no matter of shape. The files in ``schemas`` are
the text of ``schema_text``; a test holds them equal.
"""

from __future__ import annotations

import json
from typing import Any, Final

from dsl import limits
from dsl.models import Document, Pipeline
from dsl.templates import Template
from dsl.values.durations import PATTERN as DURATION_PATTERN
from dsl.values.durations import render_duration

# Titles repeat the name; ``discriminator`` is OpenAPI's word, which strict validators refuse.
_NOISE: Final = frozenset({"title", "discriminator"})

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER: Final = "urn:mandate:schema:pipeline:1"
TEMPLATE_IDENTIFIER: Final = "urn:mandate:schema:template:1"

# What an editor shows when the author rests on a field.
DESCRIPTIONS: Final[dict[str, dict[str, str]]] = {
    "Pipeline": {
        "name": "Lower-case letters, digits and hyphens; it becomes the workflow type.",
        "version": 'The author\'s own; write it in quotes: "1.0".',
        "description": "What the pipeline is for, in a sentence.",
        "project": "What its agents belong to; default: the workflow id of the run.",
        "timeout": "How long a run may take, with a unit: 90s, 30m, 2h, 1d.",
        "inputs": "What a run may be started with, by name.",
        "stages": "The steps; each starts as soon as all it requires have completed.",
    },
    "InputSpec": {
        "type": "What the value must be.",
        "description": "What the input is for.",
        "enum": "The values that are allowed; default: all of the type.",
        "default": "The value where a run is started without one.",
        "required": "Whether a run must give it; default: true when no default is set.",
    },
    "Stage": {
        "type": "What kind of stage it is.",
        "name": "Lower-case letters, digits and hyphens; unique among its siblings.",
        "description": "What the stage is for, in a sentence.",
        "requires": "Siblings that must have completed before it starts.",
        "config": "How the stage runs.",
    },
    "AgentStage": {
        "template": "The kind of agent, such as terraform, ansible, code-review or default.",
        "agent": "The identity that earns trust; default: pipeline and path joined by dots.",
    },
    "AgentConfig": {
        "tier": "The trust it needs, 0 to 4; default: that of the template.",
        "timeout": "How long it may take, with a unit; default: that of the template.",
        "retry": "How often a failure of the agent itself is tried again.",
        "inputs": "What the agent is told; text may hold ${{ expressions }}.",
        "secrets": "What EXECUTE may read and hands over: NAME: mount/path#field.",
        "error_budget": "The errors it may make before its plan must be clarified.",
        "clarifications": "How often its plan may be clarified before it fails.",
        "on_revoked": "What a revocation means: fail, skip, or 'replace: ' and another agent.",
        "sandbox": "What its processes may touch beyond their private directory, and may take.",
        "questions": "Who answers what it asks; without it, it may ask nothing.",
        "concurrency": "1: never two instances of this agent at a time.",
    },
    "ErrorBudgetConfig": {
        "errors": "How many errors are allowed within the window.",
        "window": "The sliding window, with a unit.",
    },
    "SandboxConfig": {
        "tcp": "Ports it may connect to.",
        "write": "Directories of MANDATE_WRITABLE that it writes into, as from the workspace.",
        "memory_mb": f"Memory of all its processes, in MiB; default: {limits.AGENT_MEMORY_MB}.",
        "disk_mb": f"Room in its private directory, in MiB; default: {limits.AGENT_DISK_MB}.",
        "files": f"Files in its private directory; default: {limits.AGENT_FILES}.",
        "processes": f"Its processes and threads; default: {limits.AGENT_PROCESSES}.",
        "cpu_s": "Processor time of each of its processes, in seconds; default: no limit.",
    },
    "Template": {
        "name": "The file's name without .yaml; what stages say in template.",
        "description": "What its agents do, in a sentence.",
        "tier": "What its stages ask for where they say nothing, 0 to 4.",
        "program": "Its path from this file on, such as ./triage.py; null: none yet.",
        "interpreter": "python (the worker's own), a program on the agents' PATH, an absolute "
        "path, or a list that begins with one; default: the program is executed itself.",
        "files": "What the program needs beside it: files and directories, from this file on.",
        "phases": "In which the program is asked: PLAN, EXECUTE, VERIFY; EXECUTE always.",
        "timeout": "How long a stage may take, with a unit: 90s, 30m, 2h.",
        "inputs": "What a stage may tell it; default: anything.",
        "produces": "Names of artifacts that EXECUTE must put out.",
        "requires_tools": "What it calls; looked for before it runs, and before people are asked.",
        "sandbox": "What its agents may touch and take, where a stage does not say.",
    },
    "Tool": {
        "any_of": "Executables of which one must be on the agents' PATH.",
        "distribution": "A Python package that must be installed beside the worker.",
        "install": "How to get it, for whoever lacks it.",
    },
    "PeopleConfig": {
        "approvers": 'Who may answer: names, or "group:" and a name.',
        "groups": "Groups that must each reach a count of their own.",
        "quorum": "How many have to say the same.",
        "timeout": "How long a question waits, with a unit; then the stage is rejected.",
        "on_timeout": "What happens then; no default is ever applied.",
        "escalate_to": "Who is asked when the time is up.",
        "remind_every": "How often they are reminded, with a unit.",
        "exclude": "Who may not answer: who started the run, who registered the plan.",
        "identity": "How they must be known; default: as the worker demands.",
    },
    "GateConfig": {
        "gate_type": "approval: people decide. consensus: agents vote as well.",
        "approvers": 'Who may decide: names, or "group:" and a name.',
        "groups": "Groups that must each reach a count of their own.",
        "quorum": "How many approvals pass the gate.",
        "timeout": "How long the gate waits, with a unit.",
        "on_timeout": "What happens then; nothing ever approves by itself.",
        "escalate_to": "Who is asked when the time is up, or when agents do not decide.",
        "remind_every": "How often approvers are reminded, with a unit.",
        "exclude": "Who may not decide: who started the run, who registered the plan.",
        "identity": "How a voter's identity must be known; default: as the worker demands.",
        "reason": "Whether a vote must give one.",
        "approves": "Stages whose outputs are approved; default: all that was put out before it.",
        "members": "Agent stages that vote at a consensus gate.",
    },
    "ApproverGroup": {
        "name": "The group, as the identity store knows it.",
        "quorum": "How many approvals of its members are needed.",
    },
    "Escalation": {
        "approvers": 'Who may decide now: names, or "group:" and a name.',
        "quorum": "How many approvals pass the gate.",
        "timeout": "How long they have, with a unit; then the gate rejects.",
    },
    "GateMember": {
        "stage": "The agent stage whose result is its vote.",
        "weight": "How much its vote counts.",
        "min_confidence": "Below this confidence, 0 to 1, people decide.",
    },
    "ParallelStage": {"branches": "What runs side by side."},
    "Branch": {"name": "Unique among the branches.", "stages": "The stages of the branch."},
    "ParallelConfig": {
        "join": "all: every branch must complete. any: the first one is enough.",
        "on_failure": "What the failure of one branch does to the others.",
    },
    "ConditionStage": {
        "if": "An expression over inputs and stages, such as inputs.region == 'eu'.",
        "then": "The stages that run when it is true.",
        "else": "The stages that run when it is false.",
    },
}

DESCRIPTIONS["TemplateSandbox"] = DESCRIPTIONS["SandboxConfig"] | {
    "read": "Files and directories it may read and execute besides; absolute paths."
}


def pipeline_schema() -> dict[str, Any]:
    """Return the schema of pipelines, in JSON Schema draft 2020-12."""
    return _schema(Pipeline, IDENTIFIER, "Mandate pipeline")


def template_schema() -> dict[str, Any]:
    """Return that of templates."""
    return _schema(Template, TEMPLATE_IDENTIFIER, "Mandate template")


def schema_text(schema: dict[str, Any]) -> str:
    """Return a schema as its file holds it."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _schema(root: type[Document], identifier: str, title: str) -> dict[str, Any]:
    schema = root.model_json_schema(by_alias=True, mode="validation")
    for name, model in {root.__name__: schema, **schema["$defs"]}.items():
        for field, value in model.get("properties", {}).items():
            model["properties"][field] = _tidy(value) | _described(name, field)
    return schema | {"$schema": DIALECT, "$id": identifier, "title": title}


def _described(model: str, field: str) -> dict[str, str]:
    texts = DESCRIPTIONS.get(model, {})
    if model.endswith("Stage"):
        texts = DESCRIPTIONS["Stage"] | texts
    return {"description": texts[field]}


def _tidy(value: Any) -> Any:
    """Drop what is noise in an editor, and write defaults as an author would."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: _tidy(item) for key, item in value.items() if key not in _NOISE}
    default = tidy.get("default")
    if tidy.get("pattern") == DURATION_PATTERN and isinstance(default, int):
        tidy["default"] = render_duration(default)
    elif default in (None, "") or isinstance(default, dict | list):
        tidy.pop("default", None)
    if "patternProperties" in tidy:  # else a key of the wrong form would hold anything
        tidy["additionalProperties"] = False
    return tidy

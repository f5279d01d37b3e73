"""The schema for editors and the parser say the same of a document, whatever is done to it.

What is looked at is the data that a reader of YAML hands on. The schema says yes and the parser no
to these alone, since no schema can express them: ``BEYOND``.
"""

from __future__ import annotations

import copy
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from dsl.document.loader import Loaded, Marks, load
from dsl.document.parse import parse
from dsl.errors import DslError
from dsl.schema import pipeline_schema
from tests.fixtures.search import many

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "dsl" / "examples").glob("*.yaml"))
DOCUMENTS: Final = 10_000
SEED: Final = 20_261_129
BEYOND: Final = {
    "DSL206": "characters of names that do not show",
    "DSL207": "durations that are written right and are too short or too long",
}

GATE: Final = {"name": "ask", "type": "gate"}

# Every field of the language once.
WHOLE = """\
name: whole
version: "1.0"
description: all there is
project: acme
notify: [{to: ops, when: [gate-opened, ended]}]
timeout: 2h
inputs:
  folder: {type: string, description: where, enum: [".", src], default: ".", required: false}
stages:
  - name: look
    type: agent
    description: looks
    template: default
    agent: whole.look
    config:
      tier: T1
      timeout: 5m
      retry: 1
      inputs: {path: "${{ inputs.folder }}", deep: {n: [1, 2.5, null, true]}}
      secrets: {KEY: kv-build/look#key}
      error_budget: {errors: 3, window: 10m}
      clarifications: 1
      on_revoked: "replace: other"
      sandbox: {tcp: [443, 8080], memory_mb: 512, disk_mb: 64, files: 2000, processes: 40}
      concurrency: 1
      tools:
        - server: pay
          tool: refund.v2
          policy: approve
          when: args.amount < 100
          approve: {approvers: [ann], quorum: 1, timeout: 1h, reason: required}
          max_calls: 3
          rate: {calls: 2, window: 10m}
  - name: both
    type: parallel
    requires: [look]
    config: {join: any, on_failure: continue}
    branches:
      - name: left
        stages:
          - name: ask
            type: gate
            description: shall we
            config:
              gate_type: consensus
              approvers: [ann, "group:sre", 'CORP\\ann']
              groups: [{name: security, quorum: 1}]
              quorum: 2
              timeout: 4h
              on_timeout: escalate
              escalate_to: {approvers: ["o'brien@example.com"], quorum: 1, timeout: 1h}
              remind_every: 30m
              exclude: [starter]
              identity: [verified]
              reason: required
              approves: [look]
              members: [{stage: look, weight: 2, min_confidence: 0.5}]
  - name: route
    type: condition
    requires: [both]
    if: inputs.folder == "src"
    then: [{name: deep, type: agent, template: code-review}]
    else: [{name: light, type: agent, template: default}]
"""
SCALARS: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, 2, -1, 5, 70_000, 10**6, 1.0, 2.0, 0.5, 1.5, -0.0, 1e3, 10**30),
    *(
        "",
        " ",
        "x",
        "1",
        "2.0",
        "T1",
        "t1",
        "T5",
        "true",
        "30m",
        "30 m",
        "0s",
        "31d",
        "1h30m",
        "90",
    ),
    *("agent", "gate", "parallel", "condition", "all", "any", "reject", "escalate", "approve"),
    *("ann", "ann+ops@example.com", "group:sre", "group:", "group: x", "group:group:x", " ann"),
    *("ann ", "ann\n", "a\x07nn", "a\u200bnn", "zo\u00eb", "a  b", "a" * 300, "look", "Look"),
    *("look-", "replace: x", "replace:x", "skip", "verified", "claimed", "A_B", "\u0663\u0660m"),
)
KEYS: Final = (
    *("name", "type", "config", "stages", "requires", "tier", "timeout", "quorum", "if", "then"),
    *("needs", "x-common", "KEY", "key", "a_b", "approvers", "if_", "else_", "description"),
)


def _ecma(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    """Match as JSON Schema says: for ECMAScript ``$`` is the end, never before a line break."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


VALIDATOR: Final = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {"pattern": _ecma}
)(pipeline_schema())


def refusals(data: Any) -> set[str]:
    """Return the codes with which the parser refuses ``data``."""
    try:
        parse(Loaded(data, Marks({}, {}), " ", "x"))
    except DslError as error:
        return {problem.code for problem in error.problems}
    return set()


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a document, as what holds it and its key or index."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def mutate(document: dict[str, Any], chance: random.Random) -> None:
    holder, key = chance.choice(list(places(document)))
    other, its = chance.choice(list(places(document)))
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[chance.choice(KEYS)] = holder.pop(key)
        case 2 if isinstance(holder, dict):
            holder[chance.choice(KEYS)] = chance.choice(SCALARS)
        case 3:
            holder[key] = [holder[key]]
        case 4 if isinstance(holder[key], list) and holder[key]:
            holder[key] = holder[key][0]
        case 5 if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case 6:
            holder[key] = copy.deepcopy(other[its])
        case _:
            holder[key] = copy.deepcopy(chance.choice([*SCALARS, [], {}, ["a"], {"a": 1}]))


def mutated(chance: random.Random, models: list[dict[str, Any]]) -> dict[str, Any]:
    document = copy.deepcopy(chance.choice(models))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if document:
            mutate(document, chance)
    return document


def test_schema_and_parser_agree_on_mutated_documents():
    chance = random.Random(SEED)  # the same documents each time
    models = [load(path.read_bytes(), path.name).data for path in EXAMPLES]
    models += [load(WHOLE, "whole.yaml").data] * len(models)
    seen: Counter[bool] = Counter()
    for _ in range(many(DOCUMENTS)):
        document = mutated(chance, models)
        codes, valid = refusals(document), VALIDATOR.is_valid(document)
        seen[valid] += 1
        assert valid or codes, yaml.safe_dump(document)
        if valid:
            assert codes <= set(BEYOND), f"{codes}: {yaml.safe_dump(document)}"

    assert min(seen.values()) > many(DOCUMENTS) / 10  # both verdicts were put to the test


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("DSL206", {"stages": [{**GATE, "config": {"approvers": ["an\u200bn"]}}]}),
        ("DSL207", {"timeout": "9999d"}),
    ],
)
def test_what_the_schema_cannot_say_the_parser_says(code, changes):
    document = {**load(WHOLE, "whole.yaml").data, **changes}

    assert VALIDATOR.is_valid(document)
    assert refusals(document) == {code}


def test_nothing_else_is_beyond_the_schema():
    assert {"DSL206", "DSL207"} == set(BEYOND)


@pytest.mark.parametrize("text", ["1.0", "2.0", "4.0"])
def test_a_whole_number_is_one_however_it_is_written(text):
    document = WHOLE.replace("quorum: 2", f"quorum: {text}").replace("tier: T1", f"tier: {text}")
    loaded = load(document, "x")

    assert VALIDATOR.is_valid(loaded.data)
    assert refusals(loaded.data) == set()
    assert parse(loaded) == parse(load(document.replace(".0\n", "\n").replace('"1"', '"1.0"'), "x"))

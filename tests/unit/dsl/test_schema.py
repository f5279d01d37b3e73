"""The JSON Schema: valid itself, equal to its file, and of one mind with the parser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dsl.document.loader import load, load_data
from dsl.document.parse import parse
from dsl.document.shape import STAGE_MODELS
from dsl.errors import DslError
from dsl.schema import (
    documents,
    experiment_schema,
    notify_site_schema,
    pipeline_schema,
    schema_text,
    template_schema,
    tool_server_schema,
)
from dsl.stages.stage import AnyStage
from dsl.template_folders import SHIPPED

DSL = Path(__file__).resolve().parents[3] / "dsl"
OF = {
    "pipeline": pipeline_schema,
    "template": template_schema,
    "experiment": experiment_schema,
    "tool-server": tool_server_schema,
    "notify-site": notify_site_schema,
}
VALIDATOR = jsonschema.Draft202012Validator(pipeline_schema())

EXAMPLE = """\
name: infrastructure-deploy
version: "1.0"
stages:
  - name: plan
    type: agent
    template: terraform
    config: {tier: 1, timeout: 10m}
  - name: review
    type: gate
    requires: [plan]
    config: {approvers: [team-lead, "group:sre"], timeout: 30m}
  - {name: apply, type: agent, template: terraform, requires: [review]}
"""


def changed(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = load(EXAMPLE, "example.yaml").data
    return {**document, **changes}


@pytest.mark.parametrize("kind", OF)
def test_the_file_is_what_the_models_say(kind):
    assert (DSL / "schemas" / f"{kind}.schema.json").read_text() == schema_text(OF[kind]()), (
        f"write it anew: python -c 'from dsl.schema import *; print(schema_text({kind}_schema()), "
        f'end="")\' > dsl/schemas/{kind}.schema.json'
    )


@pytest.mark.parametrize("schema", OF.values())
def test_the_schema_is_a_valid_schema(schema):
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_template_is_accepted_by_its_schema(path):
    jsonschema.Draft202012Validator(template_schema()).validate(load(path.read_bytes(), "t").data)


def test_the_example_is_accepted_by_schema_and_parser():
    loaded = load(EXAMPLE, "example.yaml")

    VALIDATOR.validate(loaded.data)
    assert len(parse(loaded).stages) == 3


@pytest.mark.parametrize("path", sorted((DSL / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_example_is_accepted_by_schema_and_parser(path):
    loaded = load(path.read_bytes(), path.name)

    VALIDATOR.validate(loaded.data)
    assert parse(loaded).name == path.stem


AGENT = {"name": "a", "type": "agent", "template": "t"}
GATE = {"name": "g", "type": "gate"}
BRANCH = {"name": "b", "stages": [AGENT]}
PARALLEL = {"name": "p", "type": "parallel"}
CONDITION = {"name": "c", "type": "condition"}


@pytest.mark.parametrize(
    "changes",
    [
        {"stages": [{**AGENT, "config": {"secrets": {"TOKEN": "kv/ci#token"}, "tier": "T4"}}]},
        {"stages": [{**AGENT, "config": {"inputs": {"Any Key": [1, None]}, "timeout": None}}]},
        {"stages": [{**GATE, "config": {"exclude": ["starter"], "identity": ["verified"]}}]},
        {"stages": [{**PARALLEL, "branches": [BRANCH], "config": {"join": "any"}}]},
        {"stages": [{**CONDITION, "if": "true", "then": [AGENT], "else": []}]},
        {"inputs": {"region": {"type": "string", "enum": ["eu"], "default": "eu"}}},
        {"timeout": "1d12h"},
    ],
    ids=str,
)
def test_what_the_language_allows_both_accept(changes):
    VALIDATOR.validate(changed(**changes))
    parse(load_data(changed(**changes), "example"))


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "blue"},
        {"version": 1.0},
        {"name": "Deploy"},
        {"timeout": 90},
        {"timeout": "5x"},
        {"timeout": ""},
        {"stages": []},
        {"stages": None},
        {"inputs": {"Bad": {}}},
        {"inputs": {"a": {"type": "strin"}}},
        {"stages": [{**AGENT, "type": "agnt"}]},
        {"stages": [{**AGENT, "timeout": "5m"}]},
        {"stages": [{**AGENT, "config": {"tier": 5}}]},
        {"stages": [{**AGENT, "config": {"retry": 11}}]},
        {"stages": [{**AGENT, "config": {"secrets": {"token": "x"}}}]},
        {"stages": [{**AGENT, "config": {"sandbox": {"tcp": [0]}}}]},
        {"stages": [GATE]},
        {"stages": [{**GATE, "config": {"on_timeout": "approve"}}]},
        {"stages": [{**GATE, "config": {"approvers": ["group:"]}}]},
        {"stages": [{**PARALLEL, "branches": []}]},
        {"stages": [{**PARALLEL, "branches": [{**BRANCH, "stages": []}]}]},
        {"stages": [{**CONDITION, "if_": "true", "then": [AGENT]}]},
        {"stages": [{**CONDITION, "if": "true", "then": [{**AGENT, "tier": 1}]}]},
    ],
    ids=str,
)
def test_what_the_language_refuses_both_refuse(changes):
    assert not VALIDATOR.is_valid(changed(**changes))
    with pytest.raises(DslError):
        parse(load_data(changed(**changes), "example"))


def test_every_field_says_what_it_is_and_no_text_is_left_over():
    models: dict[str, Any] = {}
    for root, made in OF.items():
        models |= {root.title().replace("-", ""): made(), **made()["$defs"]}
    texts = {
        name: {*model.EXPLAINED}
        for name, model in documents().items()
        if "EXPLAINED" in vars(model) and model is not AnyStage
    }
    common = AnyStage.EXPLAINED

    for name, model in models.items():
        fields = model.get("properties", {})
        assert all(field["description"] for field in fields.values()), name
        assert model["description"], name
    for name, fields in texts.items():
        assert fields <= set(models[name]["properties"]), name
    for stage in STAGE_MODELS.values():
        assert set(common) - {"config"} <= set(models[stage.__name__]["properties"])


def test_defaults_are_written_as_an_author_writes_them():
    schema = pipeline_schema()

    assert schema["properties"]["timeout"]["default"] == "1d"
    assert schema["$defs"]["GateConfig"]["properties"]["timeout"]["default"] == "1d"
    assert schema["$defs"]["GateConfig"]["properties"]["on_timeout"]["default"] == "reject"

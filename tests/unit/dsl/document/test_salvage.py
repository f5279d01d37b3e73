"""What is read of a document whose shape is wrong, slip by slip."""

from __future__ import annotations

import inspect
import json
from typing import Annotated

import pytest
from pydantic import BaseModel, TypeAdapter

import dsl.models
from dsl.compiler import compile_text
from dsl.document import salvage
from dsl.errors import DslError
from dsl.limits import PROBLEMS_MAX
from tests.unit.dsl.documents import document, problems

# the text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x: *y", "DSL103"),
        ("description: !!str x", "DSL105"),
        ("<<: {timeout: 1h}", "DSL107"),
        ("version: '2'", "DSL102"),
        ("1: x", "DSL108"),
        ("timeout: 0443", "DSL112"),
        ('description: "\\0"', "DSL113"),
    ],
)
def test_a_mistake_of_the_text_hides_none_of_structure_and_none_of_meaning(line, code):
    text = document("- {name: a, type: agent, template: defualt, config: {tier: '7'}}", line)

    found = {each.code for each in problems(text)}

    assert {code, "DSL306", "DSL208"} <= found <= {code, "DSL306", "DSL208", "DSL201"}


def test_what_an_alias_or_a_merge_key_stood_for_is_not_missed():
    text = document(
        """
        - {name: g, type: gate, config: {<<: *people}}
        - {name: h, type: gate, config: *people}
        - {<<: *stage, name: a}
        - {name: d, type: agent, template: default, config: {tier: 3}, requires: [g, h]}
        """
    )

    assert {each.code for each in problems(text)} == {"DSL103", "DSL107"}


# one by one


def test_an_event_at_the_top_does_not_hide_a_template_that_is_misspelt():
    text = document("- {name: a, type: agent, template: defualt}", "on: {push: {}}")

    assert [each.code for each in problems(text)] == ["DSL201", "DSL306"]


def test_the_stages_inside_one_of_an_unknown_type_are_read():
    text = document(
        """
        - name: p
          type: paralel
          branches:
            - {name: x, stages: [{name: a, type: agent, template: nope, foo: 1}]}
        """
    )

    assert [each.code for each in problems(text)] == ["DSL203", "DSL306", "DSL201"]


def test_a_name_of_a_wrong_form_stands_for_the_one_that_is_proposed():
    text = document(
        """
        - {name: Build_It, type: agent, template: default}
        - {name: b, type: agent, template: default, requires: [build-it]}
        - {name: c, type: agent, template: default, requires: [Build_It]}
        """
    )

    assert [each.code for each in problems(text)] == ["DSL206", "DSL206"]


@pytest.mark.parametrize(
    "config",
    [
        "approvers: ann, identity: [verified]",
        "aprovers: [ann], identity: [verified]",
        "approvers: [ann], identity: verified",
        "approvers: [ann], identity: [verifed]",
        "approvers: [ann, 5], identity: [verified], quorum: 2",
        "groups: sre, identity: [verified]",
        "approvers: [ann], identity: [verified], approves: a",
    ],
)
def test_a_guard_that_is_half_written_is_not_missed(config):
    text = document(
        f"""
        - {{name: a, type: agent, template: default}}
        - {{name: g, type: gate, requires: [a], config: {{{config}}}}}
        - {{name: d, type: agent, template: default, requires: [g], config: {{tier: 3}}}}
        """
    )

    assert {each.code[:4] for each in problems(text)} == {"DSL2"}


def test_more_errors_than_the_limit_are_cut_where_it_is_reached():
    lines = "\n".join(
        f"- {{name: s{n}, type: agent, template: nope, config: {{retry: x}}}}" for n in range(80)
    )
    with pytest.raises(DslError) as refused:
        compile_text(document(lines), "p.yaml")

    codes = [each.code for each in refused.value.problems]
    assert len(codes) == PROBLEMS_MAX + 1
    assert codes[-1] == "DSL405"
    assert {"DSL204", "DSL306"} == set(codes[:-1])


def test_there_is_a_stand_in_for_every_field_that_has_to_be_there_and_every_item():
    models = [each for each in vars(dsl.models).values() if inspect.isclass(each)]
    fields = [
        (field.alias or name, field)
        for model in models
        if issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
    ]
    needed = {name for name, field in fields if field.is_required()} - {"name", "type"}
    lists = {name for name, field in fields if "tuple" in repr(field.annotation)} - {"enum"}

    assert needed == set(salvage.FIELDS)
    assert lists == set(salvage.ITEMS)
    for name, field in fields:
        if name in salvage.FIELDS and field.is_required():  # what is refused itself hides the rest
            kind = Annotated.__class_getitem__((field.annotation, "", *field.metadata))  # type: ignore[attr-defined]
            TypeAdapter(kind).validate_json(json.dumps(salvage.FIELDS[name]), strict=True)

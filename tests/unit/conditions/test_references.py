"""Which names an expression reads: what the order of stages is checked against."""

from __future__ import annotations

import pytest

from dsl.conditions.parser import parse

READ = [
    ("inputs.env", ["inputs.env"]),
    ('stages["a-b"].output.score > inputs.min', ["stages.a-b.output.score", "inputs.min"]),
    ("has(stages.lint.output.score)", ["stages.lint.output.score"]),
    ("stages[inputs.name].status", ["stages", "inputs.name"]),
    ("size(stages)", ["stages"]),
    ("stages.all(name, stages[name].ok && name != inputs.a)", ["stages", "stages", "inputs.a"]),
    ("inputs.items.map(inputs, inputs.x)", ["inputs.items"]),
    ("[a.b, {'k': c.d}, e ? f : g]", ["a.b", "c.d", "e", "f", "g"]),
    ("(a ? b : c).d[0].e", ["a", "b", "c"]),
    ("a.b[0].c", ["a.b"]),
    ("a && b && !c", ["a", "b", "c"]),
    ("'x' in a.b", ["a.b"]),
    ("1 + 2", []),
]


@pytest.mark.parametrize(("source", "paths"), READ)
def test_an_expression_reads_these_paths_in_this_order(source, paths):
    assert [".".join(found.names) for found in parse(source).references] == paths


def test_a_reference_knows_its_place():
    source = '  stages["a-b"].status == inputs.x'

    places = [source[r.start : r.end] for r in parse(source).references]

    assert places == ['stages["a-b"].status', "inputs.x"]

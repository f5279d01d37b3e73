"""A part of the language is known to whatever goes through expressions."""

from __future__ import annotations

from dsl.conditions import nodes
from dsl.conditions.check import Checker
from dsl.conditions.evaluate import Evaluation

KINDS = {
    each
    for each in vars(nodes).values()
    if isinstance(each, type) and issubclass(each, nodes.Node) and each is not nodes.Node
}


def test_every_kind_of_node_is_checked_and_evaluated():
    assert len(KINDS) == 13
    assert set(Checker._HANDLERS) == KINDS
    assert set(Evaluation._HANDLERS) == KINDS

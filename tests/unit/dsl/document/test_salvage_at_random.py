"""One mistake hides no other, and is no other: what is read of a document whose shape is wrong.

1. A mistake of structure, planted anywhere else, leaves every mistake of meaning reported.
2. Planted into a right document it is reported alone: nothing is made up about what is unread.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from dsl.errors import Problem, Severity
from tests.fixtures.search import inputs
from tests.unit.dsl.documents import problems

RIGHT: dict[str, Any] = {
    "name": "release",
    "version": "1",
    "timeout": "2h",
    "inputs": {
        "place": {"type": "string", "enum": ["here", "there"], "default": "here"},
        "count": {"type": "integer", "required": False},
    },
    "stages": [
        {
            "name": "build",
            "type": "agent",
            "template": "default",
            "config": {
                "tier": 1,
                "retry": 2,
                "inputs": {"path": "${{ inputs.place }}"},
                "secrets": {"TOKEN": "kv/app#token"},
                "error_budget": {"errors": 3, "window": "10m"},
                "sandbox": {"tcp": [443], "memory_mb": 512},
            },
        },
        {
            "name": "checks",
            "type": "parallel",
            "requires": ["build"],
            "config": {"join": "all", "on_failure": "cancel"},
            "branches": [
                {"name": "one", "stages": [{"name": "a", "type": "agent", "template": "default"}]},
                {"name": "two", "stages": [{"name": "b", "type": "agent", "template": "default"}]},
            ],
        },
        {
            "name": "review",
            "type": "gate",
            "requires": ["build", "checks"],
            "config": {
                "approvers": ["ann", "bob"],
                "groups": [{"name": "sre", "quorum": 2}],
                "quorum": 2,
                "identity": ["verified"],
                "timeout": "1h",
                "remind_every": "10m",
                "on_timeout": "escalate",
                "escalate_to": {"approvers": ["eve", "dan"], "quorum": 2},
                "approves": ["build", "checks/one/a"],
            },
        },
        {
            "name": "council",
            "type": "gate",
            "requires": ["checks", "review"],
            "config": {
                "gate_type": "consensus",
                "members": [{"stage": "checks/two/b", "weight": 2, "min_confidence": 0.5}],
                "approvers": ["ann"],
                "approves": ["build"],
            },
        },
        {
            "name": "route",
            "type": "condition",
            "requires": ["council"],
            "if": 'inputs.place == "here" && stages.build.status == "completed"',
            "then": [{"name": "go", "type": "agent", "template": "default"}],
            "else": [{"name": "stay", "type": "agent", "template": "default"}],
        },
        {
            "name": "deploy",
            "type": "agent",
            "template": "default",
            "requires": ["review", "council"],
            "config": {"tier": 3, "inputs": {"path": "${{ stages.build.output.path }}"}},
        },
    ],
}
Path = tuple[Any, ...]
_S = "stages"
# What could not be read may be the guard, or what it approves.
_GUARDED = ((_S, 0, "name"), (_S, 1), (_S, 2), (_S, 3), (_S, 5))
# What is set where, and the code it is refused with; all that it is about.
MISTAKES: list[tuple[str, Path, Any, tuple[Path, ...]]] = [
    ("DSL306", (_S, 0, "template"), "defualt", ((_S, 0),)),
    ("DSL307", (_S, 0, "config", "inputs", "max_file"), 5, ((_S, 0),)),
    ("DSL308", (_S, 0, "config", "secrets", "TOKEN"), "hunter2", ((_S, 0),)),
    ("DSL309", ("inputs", "place", "default"), "nowhere", (("inputs", "place"),)),
    ("DSL303", (_S, 3, "requires"), ["checks", "zzz"], ((_S, 3),)),
    ("DSL304", (_S, 3, "requires"), ["council"], ((_S, 3),)),
    ("DSL305", (_S, 0, "requires"), ["checks"], ((_S, 0), (_S, 1))),
    ("DSL301", (_S, 5, "name"), "build", ((_S, 5), (_S, 0))),
    ("DSL302", (_S, 1, "branches", 1, "name"), "one", ((_S, 1),)),
    ("DSL310", (_S, 2, "config", "escalate_to", "quorum"), 3, ((_S, 2),)),
    ("DSL313", (_S, 2, "config", "approves"), ["zzz"], ((_S, 2),)),
    ("DSL314", (_S, 3, "config", "members", 0, "stage"), "zzz", ((_S, 3),)),
    ("DSL315", (_S, 4, "if"), "inputs.place ==", ((_S, 4),)),
    ("DSL316", (_S, 4, "if"), "inputs.zzz == 1", ((_S, 4), ("inputs",))),
    ("DSL317", (_S, 4, "if"), "stages.deploy.status == 'failed'", ((_S,),)),
    ("DSL320", (_S, 0, "agent"), "inline-0123456789ab.x", ((_S, 0),)),
    ("DSL501", (_S, 2, "config", "identity"), ["claimed"], _GUARDED),
    ("DSL501", (_S, 5, "requires"), [], ((_S, 5),)),
    ("DSL505", (_S, 0, "config", "on_revoked"), "replace: release.build", ((_S, 0), ("name",))),
    ("DSL507", (_S, 3, "config", "approves"), ["checks/two/b"], _GUARDED),
    ("DSL508", (_S, 2, "config", "approves"), ["checks/one/a"], _GUARDED),
]
WRONG = st.sampled_from([5, -1, 0.5, True, None, "", "x y", "Näme!", [], [7], {}, {"zzz": 1}])


def places(node: Any, at: Path = ()) -> list[Path]:
    """Return every place in a document."""
    inner: Any = node.items() if isinstance(node, dict) else ()
    inner = enumerate(node) if isinstance(node, list) else inner
    return [at, *(place for key, value in inner for place in places(value, (*at, key)))]


def at(node: Any, place: Path) -> Any:
    for key in place:
        node = node[key]
    return node


def planted(data: Any, place: Path, value: Any) -> Any:
    """Return the document with ``value`` there; where that is its own class, without the place."""
    changed = copy.deepcopy(data)
    holder = at(changed, place[:-1])
    if value is REMOVED:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return changed


REMOVED = type("Removed", (), {})
PLACES = [place for place in places(RIGHT) if place]
PLANTS = st.tuples(st.sampled_from(PLACES), WRONG | st.just(REMOVED))
FIELDS = st.tuples(
    st.sampled_from([place for place in places(RIGHT) if isinstance(at(RIGHT, place), dict)]),
    st.sampled_from(["zzz", "aprovers", "need", "on", "confg", "retries"]),
)


def said(data: Any) -> list[Problem]:
    return problems(json.dumps(data, indent=1))


def errors(data: Any) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in said(data) if each.severity is Severity.ERROR]


def of_structure(found: list[tuple[str, str]]) -> bool:
    return any(code[3] in "12" for code, _ in found)


def is_about(place: Path, subjects: tuple[Path, ...]) -> bool:
    """Tell whether a place stands in, or around, what a mistake is about."""
    return any(place[: len(each)] == each or each[: len(place)] == place for each in subjects)


def test_the_document_is_right_and_each_mistake_is_one():
    assert [each for each in said(RIGHT) if each.severity is Severity.ERROR] == []
    for code, place, value, _ in MISTAKES:
        assert code in [found for found, _ in errors(planted(RIGHT, place, value))], code


@inputs(150)
@given(st.sampled_from(MISTAKES), PLANTS)
def test_a_wrong_value_hides_no_mistake_elsewhere(mistake, plant):
    code, place, value, subjects = mistake
    assume(not is_about(plant[0], subjects))
    wrong = planted(RIGHT, place, value)
    told = [each for each in errors(wrong) if each[0] == code]
    found = errors(planted(wrong, *plant))
    assume(of_structure(found))

    assert {each[0] for each in told} <= {each[0] for each in found}  # (1) still reported


@inputs(100)
@given(st.sampled_from(MISTAKES), FIELDS)
def test_an_unknown_field_hides_no_mistake_elsewhere(mistake, field):
    code, place, value, subjects = mistake
    holder, name = field
    assume(not is_about((*holder, name), subjects))
    found = errors(planted(planted(RIGHT, place, value), (*holder, name), ["x"]))
    assume(of_structure(found))

    assert code in [each[0] for each in found]  # (1) still reported


@inputs(150)
@given(PLANTS)
def test_a_wrong_value_in_a_right_document_is_no_mistake_of_meaning(plant):
    place, value = plant
    # Others say a name, and it is not there.
    assume(not {place[-1], *place[-2:-1]} & {"name", "stages", "branches", "then", "else"})
    assume(not isinstance(value, dict))  # of which all that is not there is missing
    assume(value is not REMOVED or place[:-1] != ("inputs",))
    found = errors(planted(RIGHT, place, value))
    assume(of_structure(found))

    assert [each for each in found if each[0][3] in "345"] == []  # (2) nothing is made up


@inputs(100)
@given(st.lists(PLANTS, min_size=2, max_size=6))
def test_nothing_that_stands_in_is_ever_told(plants):
    data = RIGHT
    for place, value in plants:
        try:
            data = planted(data, place, value)
        except (LookupError, TypeError):  # it stood in what another has replaced
            continue

    assert not [each for each in said(data) if "unread" in each.message + each.hint]

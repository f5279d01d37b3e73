"""Names of people: any that Vault can hold, read as they stand, and never turned into another."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsl.document.loader import load
from dsl.people import as_yaml, doubt_of, likeness, people_in, quoted, refuse_name
from dsl.shown.foreign import is_legible
from tests.fixtures.names import GROUPS, LOGINS
from tests.unit.dsl.documents import document, is_error, problems
from tests.unit.dsl.stages import agent, gate, stages

NAMES = [
    *LOGINS,
    *GROUPS,
    "CORP\\\\ann",
    "zoe\u0301",
    "Doe, Jane",
    "cn=ann,ou=people",
    "田中",
    "null",
    "1",
    "- x",
    "#x",
]


def asking(name: str) -> str:
    config = f"config: {{approvers: [{as_yaml(name)}]}}"
    return stages(agent("look"), f"{{name: g, type: gate, requires: [look], {config}}}")


def hints(text: str) -> str:
    return " ".join(each.hint for each in problems(text))


@pytest.mark.parametrize("name", NAMES)
def test_whoever_vault_can_hold_can_be_asked(name):
    assert not any(is_error(each) for each in problems(document(asking(name))))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_written_so_that_it_is_read_back(name):
    assert load(f"[{as_yaml(name)}]", "x").data == [name]


UNREADABLE = {
    "nothing": "",
    "a control character": "a\x07nn",
    "a line break": "ann\n",
    "a mark of direction": "ann\u202e",
    "a character of no width": "a\u200bnn",
    "a filler": "ann\u3164",
    "a blank of another kind": "ann\u00a0ops",
    "a blank before it": " ann",
    "a blank behind it": "ann ",
    "blanks in a row": "ann  ops",
    "a tag": "ann\U000e0041",
    "a variation": "ann\ufe0f",
    "too much": "a" * 257,
    "no name behind the prefix": "group:",
    "the prefix twice": "group:group:sre",
    "a blank behind the prefix": "group: sre",
}


@pytest.mark.parametrize("name", UNREADABLE.values(), ids=UNREADABLE)
def test_a_name_that_cannot_be_read_as_it_stands_is_refused(name):
    escaped = "".join(f"\\U{ord(each):08X}" for each in name)
    text = document(asking("ann")).replace("[ann]", f'["{escaped}"]')
    (problem,) = problems(text)

    assert problem.code == "DSL206"
    assert is_error(problem)


@pytest.mark.parametrize("written", ['"CORP\\ann"', '"CORP\\bob"', '"CORP\\nick"', '"CORP\\tim"'])
def test_a_backslash_in_double_quotes_is_told_of(written):
    (problem,) = problems(document(asking("ann")).replace("[ann]", f"[{written}]"))

    assert problem.code == "DSL206"
    assert "single quotes" in problem.hint


def test_an_escape_that_yaml_does_not_know_is_told_of_too():
    (problem,) = problems(document(asking("ann")).replace("[ann]", '["CORP\\zoe"]'))

    assert problem.code == "DSL101"
    assert "single quotes" in problem.hint


MISTAKABLE = {
    "letters of two scripts": ("\u0430nn", "Cyrillic and Latin"),
    "letters in several parts": ("zoe\u0301", "several parts"),
    "letters of two scripts in one word of several": ("ops@exampl\u0435.com", "Cyrillic and Latin"),
}


@pytest.mark.parametrize(("name", "said"), MISTAKABLE.values(), ids=MISTAKABLE)
def test_a_name_that_may_be_mistaken_is_a_warning(name, said):
    (problem,) = problems(document(asking(name)))

    assert problem.code == "DSL328"
    assert not is_error(problem)
    assert said in problem.message


@pytest.mark.parametrize("name", ["зоя@example.com", "田中taro", "김ann", "αβγ", "O'Brien-Łukasz"])
def test_words_of_one_script_are_not_doubted(name):
    assert doubt_of(name) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("aca", "\u0430\u0441\u0430"),
        ("Ann", "ann"),
        ("user1", "userl"),
        ("o'brien", "o\u2019brien"),
        ("zo\u00eb", "zoe\u0308"),
    ],
)
def test_two_names_that_look_alike_are_told_of_wherever_they_stand(one, other):
    text = stages(
        agent("look"),
        gate("g", f"config: {{approvers: [{as_yaml(one)}]}}", "look"),
        gate(
            "h",
            "config: {approvers: [bo], on_timeout: escalate, "
            f"escalate_to: {{approvers: [{as_yaml(other)}]}}}}",
            "look",
        ),
    )
    warned = [each for each in problems(document(text)) if each.code == "DSL328"]

    assert likeness(one) == likeness(other)
    assert any(each.at.line == 6 for each in warned)


@pytest.mark.parametrize("other", ["bob", "anna", "anm", "ann-ops", "bnn"])
def test_other_names_do_not_look_alike(other):
    assert likeness("ann") != likeness(other)


def test_a_list_in_one_text_is_told_to_be_a_list():
    (problem,) = problems(document(asking("ann, CORP\\bob")))

    assert problem.code == "DSL329"
    assert problem.hint == "if it is several people, write a list: [ann, 'CORP\\bob']"


def test_a_group_needs_no_prefix_among_groups():
    text = document(asking("ann")).replace("approvers: [ann]", 'groups: [{name: "group:sre"}]')
    (problem,) = problems(text)

    assert problem.code == "DSL206"
    assert problem.hint == "write sre: it can only be a group here"


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(names)
def test_no_hint_names_somebody_else(name):
    text = document(asking("ann")).replace("[ann]", f"[{_escaped(name)}]")
    for problem in problems(text):
        if problem.code == "DSL329":
            assert all(each in name for each in people_in(name))
        else:
            assert not re.search(r"\bwrite [^i]", problem.hint.replace("write the name", ""))


@given(names)
@example("\U000e0100")  # not seen, and printable for Python
def test_a_name_that_may_be_is_shown_as_it_stands(name):
    if refuse_name(name) is None:
        assert quoted(name)[1:-1] == name
        assert load(f"[{as_yaml(name)}]", "x").data == [name]
    assert is_legible(quoted(name))


def _escaped(name: str) -> str:
    return '"' + "".join(f"\\U{ord(each):08X}" for each in name) + '"'

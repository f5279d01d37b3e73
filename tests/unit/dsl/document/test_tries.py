"""Documents that people wrote out of habits from other systems, each with the verdict it gets.

They are in ``tests/fixtures/tries``. What is accepted has no error; what is refused has one code
and the edit that mends it, where there is one to be guessed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from dsl.compiler import compile_text
from dsl.document.loader import load
from dsl.errors import DslError, Problem, Severity
from tests.unit.dsl.test_schema_agrees import VALIDATOR

TRIES: Final = Path(__file__).resolve().parents[3] / "fixtures" / "tries"

ACCEPTED: Final = {
    "numbers/quorum-float": "",
    "numbers/quorum-plus": "",
    "numbers/retry-float": "",
    "numbers/tcp-hex": "",
    "numbers/tier-float": "",
    "numbers/timeout-compound": "",
    "numbers/version-date": "",
    "shapes/approver-accent": "",
    "shapes/approver-email-plus": "",
    "shapes/approver-oidc": "",
    "shapes/approver-slash-team": "",
    "shapes/approver-windows": "",
    "shapes/approvers-commas": "if it is several people, write a list: [ann, bob]",
    "shapes/document-end": "",
    "shapes/folded-if": "",
    "gate-in-condition": "",
}
NUMBER: Final = "write plain decimal digits, or in quotes if it is text: "
REFUSED: Final = {
    "numbers/memory-text": ("DSL204", "remove the quotes"),
    "numbers/memory-unit": ("DSL204", ""),
    "numbers/quorum-0o2": ("DSL112", NUMBER),
    "numbers/quorum-exp": ("DSL112", NUMBER),
    "numbers/quorum-octal": ("DSL112", NUMBER),
    "numbers/quorum-text": ("DSL204", "remove the quotes"),
    "numbers/quorum-true": ("DSL204", ""),
    "numbers/quorum-yes": ("DSL204", ""),
    "numbers/reason-on": ("DSL205", ""),
    "numbers/reason-true": ("DSL205", ""),
    "numbers/remind-sec": ("DSL207", ""),
    "numbers/retry-null": ("DSL204", "fill it in, or leave the field out"),
    "numbers/retry-true": ("DSL204", ""),
    "numbers/tcp-exp": ("DSL112", NUMBER),
    "numbers/tcp-octal": ("DSL112", NUMBER),
    "numbers/tcp-text": ("DSL204", "remove the quotes"),
    "numbers/tcp-underscore": ("DSL204", "write "),
    "numbers/tier-lower": ("DSL208", "write T1"),
    "numbers/tier-text": ("DSL208", "remove the quotes"),
    "numbers/tier-true": ("DSL208", ""),
    "numbers/timeout-arabic": ("DSL207", ""),
    "numbers/timeout-clock": ("DSL207", ""),
    "numbers/timeout-frac": ("DSL207", "write 1h30m"),
    "numbers/timeout-int": ("DSL207", ""),
    "numbers/timeout-iso": ("DSL207", "write 30m"),
    "numbers/timeout-min": ("DSL207", "write 30m"),
    "numbers/timeout-ms": ("DSL207", ""),
    "numbers/timeout-nl": ("DSL207", "write 30m"),
    "numbers/timeout-space": ("DSL207", "write 30m"),
    "numbers/timeout-text-int": ("DSL207", ""),
    "numbers/timeout-upper": ("DSL207", "write 30m"),
    "numbers/timeout-wide": ("DSL207", ""),
    "numbers/version-1.10": ("DSL204", 'put it in quotes: "1.10"'),
    "numbers/version-empty": ("DSL210", 'write version: "1.0"'),
    "shapes/anchors": ("DSL104", "a stage takes tier, timeout and inputs from its template"),
    "shapes/approvers-scalar": ("DSL204", "make it a list: [ann]"),
    "shapes/config-null": ("DSL204", "fill it in, or leave the field out"),
    "shapes/document-end-comment": ("DSL106", "split the file"),
    "shapes/empty-stages": ("DSL210", ""),
    "shapes/if-bool": ("DSL204", 'put it in quotes: "true"'),
    "shapes/if-templated": ("DSL315", "without ${{ }}"),
    "shapes/needs-instead-of-requires": ("DSL201", "did you mean 'requires'?"),
    "shapes/requires-null": ("DSL204", "fill it in, or leave the field out"),
    "shapes/requires-scalar": ("DSL204", "make it a list: [plan]"),
    "shapes/stage-name-underscore": ("DSL206", "write nightly-check"),
    "shapes/stages-map": ("DSL204", "start each item with '- '"),
    "shapes/then-map": ("DSL204", "start each item with '- '"),
    "shapes/yes-enum": ("DSL309", "write true"),
}
# Refused for what they mean: the schema has nothing against them.
MEANT: Final = {"DSL309", "DSL315"}


def problems(name: str) -> list[Problem]:
    try:
        return list(compile_text((TRIES / f"{name}.yaml").read_bytes(), name).warnings)
    except DslError as error:
        return list(error.problems)


def is_valid(name: str) -> bool | None:
    """Return what the schema says; None where there is no data to look at."""
    try:
        return bool(VALIDATOR.is_valid(load((TRIES / f"{name}.yaml").read_bytes(), name).data))
    except DslError:
        return None


def test_each_of_them_has_its_verdict():
    there = {str(path.relative_to(TRIES).with_suffix("")) for path in TRIES.rglob("*.yaml")}

    assert there == {*ACCEPTED, *REFUSED}


@pytest.mark.parametrize(("name", "hint"), ACCEPTED.items(), ids=ACCEPTED)
def test_it_is_accepted(name, hint):
    found = problems(name)

    assert all(problem.severity is Severity.WARNING for problem in found)
    assert hint in " ".join(problem.hint for problem in found)
    assert is_valid(name) is True


@pytest.mark.parametrize(
    ("name", "code", "hint"), [(n, *v) for n, v in REFUSED.items()], ids=REFUSED
)
def test_it_is_refused_with_the_edit_that_mends_it(name, code, hint):
    errors = [problem for problem in problems(name) if problem.severity is Severity.ERROR]
    first = errors["anchors" in name]  # what holds the anchor is an unknown field, too

    assert first.code == code
    assert hint in first.hint
    assert bool(hint) == bool(first.hint)
    assert is_valid(name) is (True if code in MEANT else None if code[:4] == "DSL1" else False)


def test_a_habit_from_elsewhere_is_understood_beside_and_under_config():
    first, second = problems("shapes/needs-instead-of-requires")

    assert (first.hint, second.hint) == (
        "did you mean 'requires'?",
        "did you mean 'timeout'? write it under config:",
    )


@pytest.mark.parametrize("text", ["1e3", "1E3", "1e-3", "2.5e7"])
def test_a_number_of_json_is_one_and_the_same_in_yaml_is_refused(text):
    assert load(f'{{"name": "p", "x": {text}}}', "x").data["x"] == float(text)
    with pytest.raises(DslError, match="DSL112"):
        load(f"x: {text}", "x")


@pytest.mark.parametrize("text", ["00", "-01", "+0443", "0o17", "08"])
def test_a_number_that_is_octal_to_some_is_refused(text):
    with pytest.raises(DslError, match="DSL112"):
        load(f"x: {text}", "x")


@pytest.mark.parametrize("text", ["0", "-0", "0x1F90", "1.5", ".5", "1.5e+3", "0.10", "-1.0e-7"])
def test_a_number_that_all_read_alike_is_one(text):
    assert load(f"x: {text}", "x").data["x"] == (int(text, 0) if "." not in text else float(text))

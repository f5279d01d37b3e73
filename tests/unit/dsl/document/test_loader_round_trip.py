"""The loader, for all documents: what was written is what is read, and nothing breaks it.

Everything runs on both of PyYAML's parsers: the C one, and the one that is there without it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from dsl.document import loader
from dsl.document.loader import load, load_data
from dsl.document.scalars import resolve
from dsl.errors import DslError


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], autouse=True, ids=["c", "python"])
def parser(request, monkeypatch):
    monkeypatch.setattr(loader, "_PARSER", request.param)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
plain_texts = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["C", "Z"]) | st.just(" "), max_size=20
)
numbers = st.integers(-(10**20) + 1, 10**20 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def documents(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | numbers | text
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=15,
    )


def is_seen_to_be_json(data: Any) -> bool:
    """A number alone may be YAML as well, and then 1e22 is text to readers of YAML 1.1."""
    return not isinstance(data, float) or "." in json.dumps(data)


@given(documents(texts).filter(is_seen_to_be_json), st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_json_reads_it(data, indent):
    assert load(json.dumps(data, indent=indent), "file.yaml").data == data


@given(documents(plain_texts).filter(is_seen_to_be_json))
@example([5e-324, 1e22])
def test_json_with_raw_characters_is_read_as_json_reads_it(data):
    assert load(json.dumps(data, ensure_ascii=False), "file.yaml").data == data


@given(documents(texts))
def test_a_json_object_comes_back_unchanged(data):
    assert load_data(data, "input").data == data


class NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def is_text(word: str) -> bool:
    """PyYAML leaves words unquoted that are numbers in YAML 1.2 but not in 1.1."""
    try:
        return resolve(word) == word or word == ""
    except ValueError:
        return False


@given(documents(plain_texts.filter(is_text)))
def test_what_another_writer_of_yaml_wrote_comes_back(data):
    text = yaml.dump(data, Dumper=NoAliases, allow_unicode=True)

    assert load(text, "file.yaml").data == data


YAML_WORDS = st.sampled_from(
    [*"{}[],:?-|>&*!%@`'\"#\n\t ~<=.\\", "- ", "a: ", "\n  ", "---\n", "...\n", "<<: ", "0x", "\\u"]
)


def refused(text) -> DslError | None:
    try:
        load(text, "file.yaml")
    except DslError as error:
        return error
    return None


@given(st.text() | st.lists(YAML_WORDS | st.text(max_size=2), max_size=40).map("".join))
def test_any_text_is_read_or_refused_with_a_place(text):
    error = refused(text)

    if error is not None:
        lines = len(text.splitlines()) + 1
        assert all(1 <= problem.at.line <= lines for problem in error.problems)
        assert str(error).encode()


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data):
    error = refused(data)

    assert error is None or str(error).encode()

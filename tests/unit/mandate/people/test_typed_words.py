"""What no command may take: the empty name of a run, a directory that holds nothing, no reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from typer.testing import CliRunner

from dsl.limits import REASON_LENGTH_MAX
from mandate.cli import app

RUNS = {"run", "runs", "place", "workflow_id", "resume_from"}
# What is called so and is something else: a number, a flag, where to go back to, what is made.
OTHERS = {
    ("chaos", "search", "runs"),
    ("review", "run", "runs"),
    ("resume", "place"),
    ("up", "data_dir"),
}


def commands(of: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command, and what is typed for it."""
    inner = getattr(of, "commands", None)
    if inner is None:
        yield words, of
        return
    for word, each in inner.items():
        yield from commands(each, *words, word)


def with_others(command: Any, wanted: Any, value: str) -> list[str]:
    """Return what is typed to give ``value``, and something for all else that is needed."""
    typed: list[str] = []
    for each in command.params:
        if each is not wanted and not each.required:
            continue
        given = value if each is wanted else "1"
        typed += [given] if each.param_type_name == "argument" else [each.opts[0], given]
    return typed


def refusals(names: set[str], value: str) -> dict[str, str]:
    """Return how it is refused as wrong usage, by what was typed, before anything is done."""
    found = {}
    for words, command in commands(typer.main.get_command(app)):
        for each in command.params:
            if each.name in names and (*words, each.name) not in OTHERS:
                with pytest.raises(typer.BadParameter) as refused:
                    command.make_context("it", with_others(command, each, value))
                found[f"{' '.join(words)} {each.name}"] = refused.value.message
    return found


def test_no_run_has_an_empty_name() -> None:
    found = refusals(RUNS, "")

    assert {"run resume_from", "tools replay runs", "artifact save place"} <= found.keys()
    assert set(found.values()) == {"expected the workflow id of a run, got an empty one"}


def test_a_directory_named_by_hand_is_not_passed_over(tmp_path: Path) -> None:
    found = refusals({"data_dir"}, str(tmp_path))

    assert {"health data_dir", "ledger tail data_dir"} <= found.keys()
    assert all("expected the directory of a stack, got " in each for each in found.values())


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        pytest.param("", "expected a path, got none", id="empty, and the folder one is in"),
        pytest.param("x" * 300, "cannot be looked at", id="what no system can look at"),
    ],
)
def test_what_is_no_path_is_taken_for_none(typed: str, why: str) -> None:
    asked = 0
    for _words, command in commands(typer.main.get_command(app)):
        for each in command.params:
            annotation = each.type_descriptor.annotation
            if Path in (annotation, *get_args(annotation)):
                asked += 1
                with pytest.raises(typer.BadParameter, match=why):
                    command.make_context("it", with_others(command, each, typed))

    assert asked > 20


def test_help_for_a_review_is_that_of_what_is_typed_without_its_word() -> None:
    for typed in (["review", "-h"], ["review", "--help"], ["review"]):
        said = CliRunner().invoke(app, typed, env={"COLUMNS": "120"}).output

        assert "mandate review [OPTIONS] {path}" in said
        assert "--fail-on" in said
        assert "council" in said


@pytest.mark.parametrize("reason", ["", " ", "x" * (REASON_LENGTH_MAX + 1)])
@pytest.mark.parametrize("order", ["open", "close", "reset"])
def test_an_order_to_a_circuit_has_a_reason(order: str, reason: str) -> None:
    typed = ["breaker", order, "vault", "--reason", reason]
    result = CliRunner().invoke(app, typed, env={"TEMPORAL_ADDRESS": "127.0.0.1:1"})

    assert result.exit_code == 2
    assert "--reason: expected why" in result.output

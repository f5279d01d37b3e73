"""``mandate run`` up to the point at which a server is asked, and the board it draws."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from dsl.compiler import compile_text
from mandate import catalogue
from mandate.board import LINES_SHOWN, page, table
from mandate.people.errors import UsageError
from mandate.people.runs import address
from mandate.typed_inputs import parse_inputs
from mandate.work.look.validate import run as validate
from mandate.work.operate.tools_check import handed_in
from mandate.work.run.run import run
from mandate.work.trust import agent_check
from tests.fixtures.servers.valkey import free_port

DOCUMENT = """
name: p
version: "1"
inputs:
  folder: {type: string, default: "."}
  count: {type: integer, default: 1}
  deep: {type: boolean, default: false}
stages:
  - {name: look, type: agent, template: default}
"""


def test_inputs_are_read_by_their_declared_types():
    plan = compile_text(DOCUMENT, "p.yaml").plan

    assert parse_inputs(plan, ["folder=12", "count=7", "deep=true"]) == {
        "folder": "12",
        "count": 7,
        "deep": True,
    }


@pytest.mark.parametrize("word", ["folder", "=x", "count=many", "deep=yes", "unknown=1"])
def test_an_input_that_does_not_fit_is_refused(word: str):
    with pytest.raises(ValueError, match=r"."):
        parse_inputs(compile_text(DOCUMENT, "p.yaml").plan, [word])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("count=many", "input 'count': expected an integer, got 'many'"),
        ("count=", "input 'count': expected an integer, got ''"),
        ("count=1.5", "input 'count': expected an integer, got '1.5'"),
        (f"count={'9' * 5_000}", "input 'count': expected an integer, got '9999"),
        ("share=half", "input 'share': expected a number, got 'half'"),
        ("deep=yes", "input 'deep': expected true or false, got 'yes'"),
    ],
)
def test_and_told_so_in_the_words_of_the_pipeline(tmp_path: Path, capsys, word: str, said: str):
    file = tmp_path / "p.yaml"
    file.write_text(DOCUMENT.replace("  deep:", "  share: {type: number, default: 1.0}\n  deep:"))

    assert run(str(file), [word], data_dir=None) == 2
    assert said in capsys.readouterr().err


def test_a_name_that_is_given_twice_is_wrong_usage(tmp_path: Path, capsys):
    file = tmp_path / "p.yaml"
    file.write_text(DOCUMENT)

    assert run(str(file), ["count=1", "folder=a", "count=1"], data_dir=None) == 2
    assert "--input: 'count' is given twice: leave one of them out" in capsys.readouterr().err
    with pytest.raises(UsageError, match="--secret: 'TOKEN' is given twice"):
        handed_in(["TOKEN=/none", "TOKEN=/none"])  # before a file of them is read
    code = agent_check.run(
        (),
        template="triage",
        phases=(),
        inputs=("a=1", "a=2"),
        read=(),
        tcp=(),
        timeout_s=60,
        as_json=False,
    )
    assert code == 2
    assert "--input: 'a' is given twice" in capsys.readouterr().err


@pytest.mark.parametrize("pipeline", ["no-such-pipeline", "missing.yaml"])
def test_an_unknown_pipeline_is_wrong_usage(pipeline: str, capsys):
    assert run(pipeline, [], wait=False, data_dir=None) == 2
    assert pipeline in capsys.readouterr().err


def test_a_bad_document_is_refused_before_anything_starts(tmp_path: Path, capsys):
    file = tmp_path / "bad.yaml"
    file.write_text(DOCUMENT.replace("template: default", "template: defualt"))

    assert run(str(file), [], wait=True, data_dir=None) == 2
    assert "did you mean 'default'" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_warned_about_is_told_as_validate_tells_it(
    tmp_path: Path, monkeypatch, capsys, as_json: bool
):
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    file = tmp_path / "p.yaml"
    gate = "  - {name: g, type: gate, config: {approvers: [ana]}}\n"
    file.write_text(DOCUMENT + gate)
    validate([file])
    *warned, _ = capsys.readouterr().out.splitlines()

    assert run(str(file), [], as_json=as_json, data_dir=None) == 1  # there is no server

    out, err = capsys.readouterr()
    *said, last = err.splitlines()
    assert said == warned
    assert "[DSL347]" in said[0]
    assert last.startswith("mandate run: no answer from Temporal")
    assert out == ""


def test_and_so_is_that_of_a_pipeline_that_is_called_by_its_name(tmp_path: Path, monkeypatch):
    gate = "  - {name: g, type: gate, config: {approvers: [ana]}}\n"
    (tmp_path / "any.yaml").write_text(DOCUMENT + gate)
    monkeypatch.setenv("MANDATE_PIPELINES", str(tmp_path))
    compiled = catalogue.compile_named("p", None)

    first, line, *_ = catalogue.warned("p", compiled, None)

    assert first.startswith("any.yaml:10:12: warning: nothing requires gate 'g'")
    assert line.strip() == gate.strip()


@pytest.mark.parametrize(
    ("workflow_id", "why"),
    [
        (
            "r" * 1_000,
            "--id: the id of the run has 1000 bytes, and with its longest stage, 'look', ",
        ),
        ("\u00fc" * 498, "Start it under an id of at most 995 bytes"),
        ("a\x00b", "--id: the id of the run holds a NUL character"),
        ("promotion/x", "--id: its id is reserved for Promotion: start it under one that "),
    ],
    ids=["long", "long in bytes", "nul", "reserved"],
)
def test_an_id_that_no_run_may_have_is_refused_before_anything_starts(
    tmp_path: Path, capsys, workflow_id: str, why: str
):
    file = tmp_path / "p.yaml"
    file.write_text(DOCUMENT)

    assert run(str(file), [], workflow_id=workflow_id, data_dir=None) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert why in said


def test_no_server_is_a_failure_that_says_what_to_start(monkeypatch, capsys):
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")

    assert run("code-review", [], wait=False, data_dir=None) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("mandate run: no answer from Temporal at 127.0.0.1:")
    assert said.endswith("(Connection refused); is `mandate up` running?")


def test_a_file_that_is_not_there_is_named_with_what_was_expected_and_the_fix(capsys):
    assert run("/none.yaml", [], wait=False, data_dir=None) == 2
    assert capsys.readouterr().err == (
        "/none.yaml: expected a pipeline document, and it cannot be read: No such file or "
        "directory; name a file that is there, or a pipeline that `mandate list` shows\n"
    )


def test_a_file_beside_it_that_was_likely_meant_is_named(tmp_path, capsys):
    (tmp_path / "hello.yaml").touch()
    (tmp_path / "hello.txt").touch()

    assert run(str(tmp_path / "helo.yaml"), [], wait=False, data_dir=None) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"No such file or directory; did you mean '{tmp_path}/hello.yaml'?\n")


def test_the_page_of_a_run_is_a_link_a_browser_can_open():
    env = {"MANDATE_UI": "http://127.0.0.1:8233", "TEMPORAL_NAMESPACE": "default"}

    assert address(env, "pipeline/a/1", "run-1") == (
        "http://127.0.0.1:8233/namespaces/default/workflows/pipeline%2Fa%2F1/run-1/history"
    )


def test_the_board_shows_stages_and_who_is_waited_for():
    console = Console(width=120, force_terminal=False, file=io.StringIO())
    console.print(
        table(
            {
                "pipeline": "p",
                "version": "1",
                "stages": {
                    "look": {"type": "agent", "status": "completed", "detail": ""},
                    "review": {"type": "gate", "status": "waiting", "detail": "waiting for ann"},
                },
                "waiting_for": [{"gate": "review", "approvers": ["ann"], "due": "soon"}],
            }
        )
    )
    shown = console.file.getvalue()  # type: ignore[attr-defined]

    assert "look" in shown
    assert "completed" in shown
    assert "waiting for ann at review until soon" in shown


def test_the_live_board_of_a_wide_run_shows_what_moves_and_counts_the_rest():
    stages = {
        f"s{n}": {"type": "agent", "status": "running" if n == 900 else "pending", "detail": ""}
        for n in range(1_000)
    }
    gates = [{"gate": f"g{n}", "due": "soon"} for n in range(3)]  # as a run with many tells them
    board = table({"pipeline": "p", "version": "1", "stages": stages, "waiting_for": gates})

    assert list(board.columns[0].cells) == [Text("s900")]
    assert str(board.caption).splitlines() == [
        "waiting at g2 until soon, and at 2 more gates",
        "1000 stages: 999 pending, 1 running",
    ]


def test_the_live_board_shows_how_the_first_gates_are_answered_and_where_the_rest_is():
    gates = [{"gate": f"g{n}", "due": "soon", "approvers": ["ann"]} for n in range(5)]
    console = Console(width=200, force_terminal=False, file=io.StringIO())
    console.print(page("run-1", {"pipeline": "p", "stages": {}, "waiting_for": gates}))
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]

    assert [line.strip() for line in shown if "approve" in line] == [
        f"mandate approve run-1 g{n}" for n in range(3)
    ]
    assert shown[-1].strip() == "all of them: mandate gates"


def test_the_live_board_shows_so_many_lines_of_answers_as_a_screen_has():
    question = {"text": "Which?", "choices": [f"c{number}" for number in range(20)]}
    gates = [{"gate": "g", "due": "soon", "approvers": ["ann"], "question": question}]
    console = Console(width=200, force_terminal=False, file=io.StringIO())
    console.print(page("run-1", {"pipeline": "p", "stages": {}, "waiting_for": gates}))
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]

    assert sum("mandate approve" in line for line in shown) == LINES_SHOWN
    assert shown[-1].strip() == "all of them: mandate gates"

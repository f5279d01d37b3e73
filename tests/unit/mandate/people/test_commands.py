"""What commands of people print and refuse, as far as no server is asked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dsl.plan import Plan
from dsl.values.canonical import digest_of
from mandate.people.errors import UsageError, over
from mandate.people.gates.inbox import InboxRun
from mandate.people.gates.rows import read_rows
from mandate.people.gates.sending import verdict_line
from mandate.people.gates.shown import summary
from mandate.people.gates.wishes import Wish
from mandate.people.login.logins import Login, Logins
from mandate.people.login.session import address_of, connect, login_at
from mandate.people.void import void_lines, void_of, void_words
from mandate.work.gates import gates
from mandate.work.trust import register
from tests.unit.mandate.people.test_rows import row
from tests.unit.mandate.programs import mandate

ENV = {"VAULT_ADDR": "http://127.0.0.1:1", "MANDATE_UI": "http://127.0.0.1:8233"}
WISH = Wish("run-1", "review", "approve")


def test_a_tool_that_nobody_has_declared_is_refused_before_anybody_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MANDATE_TOOLS", str(tmp_path))
    file = tmp_path / "p.yaml"
    file.write_text(
        'name: p\nversion: "1"\nstages:\n  - {name: look, type: agent, template: default, '
        "config: {tools: [{server: pay, tool: refund, policy: allow}]}}\n"
    )

    assert register.run(file, data_dir=None) == 2
    assert "DSL338" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (
            {"counted": True, "gate": "a/review", "detail": "waiting for 1 more of: group:sre"},
            (True, "counted: approve at a/review; waiting for 1 more of: group:sre"),
        ),
        ({"counted": False, "why": "too late"}, (False, "refused: too late")),
        ({"counted": "true"}, (False, "refused: the run does not say why")),
        (None, (False, "refused: the run does not say why")),
    ],
)
def test_only_what_the_run_says_to_have_counted_has(answer, verdict):
    assert verdict_line(WISH, answer) == verdict


def test_a_gate_is_shown_with_all_that_is_to_be_known():
    vault = {"state": "filed", "detail": "one secret", "requests": []}
    (at,) = read_rows(
        [
            row(
                escalated=True,
                identity=["verified"],
                reason_required=True,
                excluded=["ann"],
                still_needed_of="waiting for 1 more of: group:sre",
                since="2026-01-01T10:00:00+00:00",
                due="2026-01-01T11:00:00+00:00",
                vault=vault,
            )
        ]
    )

    assert list(gates.lines(InboxRun("run-1", "r", "deploy"), at, ENV)) == [
        "review  in  run-1  (deploy)",
        "  what     the outputs of plan",
        "  since    2026-01-01T10:00:00+00:00, due 2026-01-01T11:00:00+00:00",
        "  needed   waiting for 1 more of: group:sre, escalated",
        "  asks     verified, a reason, not ann",
        f"  subject  {at.subject_digest}",
        "  vault    filed (one secret)",
        "  link     http://127.0.0.1:8233/namespaces/default/workflows/run-1/r/history",
        "  answer   mandate approve run-1 review --reason ...",
        "  or       mandate reject run-1 review --reason ...",
    ]


def test_a_gate_that_binds_no_output_is_shown_as_such():
    (at,) = read_rows([row(subject={}, subject_digest=digest_of({}), description="Shall we?")])
    shown = list(gates.lines(InboxRun("run-1", "r", "deploy"), at, ENV))
    plan = Plan(name="deploy", version="1", timeout_ms=1000, steps=())

    assert "  what     Shall we?" in shown
    assert "  binds    no output, only the plan and the inputs of the run" in shown
    assert "binds    no output, only the plan and the inputs of the run" in list(
        summary(WISH, at, plan)
    )


def test_the_same_is_told_to_programs():
    (at,) = read_rows([row()])
    told = gates.record(InboxRun("run-1", "r", "deploy"), at, ENV)

    assert (told["run"], told["run_id"], told["type"], told["gate"]) == (
        "run-1",
        "r",
        "deploy",
        "review",
    )
    assert told["subject_digest"] == at.subject_digest
    assert told["answers"] == ["mandate approve run-1 review"]
    assert (told["void_messages"], told["void_messages_dropped"]) == ([], 0)


def test_who_would_answer_a_run_that_is_over_is_told_where_it_says_why():
    refusal = over("first 1", "failed")

    assert refusal.sentence == "the run 'first 1' is failed: nobody is waited for there"
    assert refusal.line == f"{refusal.sentence}; see: mandate show 'first 1'"


def void(number: int) -> dict[str, str]:
    return {"name": "vote", "why": f"too early {number}", "time": "10:00"}


@pytest.mark.parametrize(
    ("status", "words", "lines"),
    [
        ({}, "", []),
        (
            {"void_messages": [void(1)], "void_messages_dropped": 0},
            "1 void, last: vote: too early 1",
            ["10:00  vote had no effect: too early 1"],
        ),
        (
            {"void_messages": [void(n) for n in range(5)], "void_messages_dropped": 7},
            "12 void, last: vote: too early 4",
            [*(f"10:00  vote had no effect: too early {n}" for n in (2, 3, 4)), "and 9 more"],
        ),
        ({"void_messages": "x", "void_messages_dropped": "y"}, "", []),
        ({"void_messages": [5], "void_messages_dropped": 1}, "", ["and 1 more"]),
    ],
)
def test_what_was_sent_in_vain_is_told(status, words, lines):
    found = void_of(status)

    assert (void_words(found), list(void_lines(found))) == (words, lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--wait", "--watch"], "give one of --wait and --watch"),
        (["--wait", "--timeout", "90"], "a duration needs a unit"),
        (["--wait", "--timeout", "soon"], "is not a duration"),
    ],
)
def test_a_wait_that_is_not_understood_is_wrong_usage(tmp_path: Path, words, said):
    ended = mandate("gates", "run-1", *words, cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in " ".join(ended.stderr.replace("│", " ").split())


def test_a_registration_is_found_by_digest_and_never_twice():
    digest = "sha256:" + "0123456789abcdef" * 4

    assert register.workflow_id(digest, "f" * 32) == "registration/0123456789abcdef-ffffffff"


@pytest.mark.parametrize("env", [{}, {"VAULT_ADDR": ""}])
def test_without_an_address_no_vault_is_guessed(env):
    with pytest.raises(UsageError, match=r"no Vault is named; is `mandate up` running\?"):
        address_of(env)


def test_what_is_no_address_is_wrong_usage():
    with pytest.raises(UsageError, match="VAULT_ADDR"):
        connect({"VAULT_ADDR": "ftp://host"})


def test_a_login_whose_time_is_up_is_not_even_tried(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path / "home"))
    logins = Logins(tmp_path / "home")
    logins.put(ENV["VAULT_ADDR"], Login("ann", "e", "t", int(time.time()) - 1))

    with pytest.raises(UsageError, match="log in again: mandate login ann"):
        login_at(ENV)


@pytest.mark.parametrize(
    "words",
    [["approve", "r", "g"], ["reject", "r", "g"], ["sign", "r", "g", "approve"], ["whoami"]],
    ids=" ".join,
)
def test_who_is_not_logged_in_is_exit_code_2(tmp_path: Path, words):
    said = mandate(*words, cwd=tmp_path, env={**ENV, "MANDATE_HOME": str(tmp_path / "home")})

    assert (said.returncode, said.stdout) == (2, "")
    assert "log in first: mandate login NAME" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["sign", "r", "g", "maybe"],
        ["approve", "r"],
        ["login"],
        ["demo", "tools", "--keep"],
        ["demo", "tools", "--workspace", "."],
    ],
    ids=" ".join,
)
def test_wrong_words_are_exit_code_2(tmp_path: Path, words):
    assert mandate(*words, cwd=tmp_path).returncode == 2


def test_no_temporal_is_a_failure_that_says_what_to_start(tmp_path: Path):
    said = mandate("gates", cwd=tmp_path, env={"TEMPORAL_ADDRESS": "127.0.0.1:1"})

    assert (said.returncode, said.stdout) == (1, "")
    assert "is `mandate up` running?" in said.stderr


def test_a_vote_says_a_reason_or_an_answer(tmp_path):
    words = ("approve", "run-1", "work/question-1", "--reason", "a", "--answer", "b")
    said = mandate(*words, cwd=tmp_path)

    assert said.returncode == 2
    assert "give one of --reason and --answer" in " ".join(said.stderr.split())

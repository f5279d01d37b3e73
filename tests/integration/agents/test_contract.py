"""Hostile and clumsy agents: each ends, with the right verdict.

What does not end by itself goes on for an hour or for ever, and no test waits so long.
"""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest

from dsl.rules.gates.questions import Question
from integrations.agents.contract.checkpoints import Checkpoint
from integrations.agents.contract.protocol import AgentError, Event, QuestionAskedError
from integrations.agents.programs.program import Program
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import DeniedError
from integrations.redaction import REDACTED
from tests.integration.agents.marks import sleepers

SECRET = "correct-horse-battery"


async def failure(run: Any, do: str, **options: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await run("hostile", {"do": do, **options.pop("given", {})}, **options)
    return caught.value


@pytest.mark.parametrize(
    ("do", "kind", "retryable", "message"),
    [
        ("crash", "exit", True, "exit status 1"),
        ("segfault", "signal", True, "SIGSEGV"),
        ("flood", "protocol", False, "bytes of output"),
        ("long_line", "protocol", False, "a line is longer"),
        ("no_result", "protocol", False, "without a result"),
        ("two_results", "protocol", False, "'result' after the result"),
        ("message_after_result", "protocol", False, "'log' after the result"),
        ("bad_status", "protocol", False, "'splendid'"),
        ("output_is_a_list", "protocol", False, "must be an object, got list"),
        ("output_too_large", "protocol", False, "put it into an artifact"),
        ("fails", "failed", True, "found three mistakes"),
    ],
)
async def test_a_broken_agent_gets_its_verdict(run, do, kind, retryable, message):
    error = await failure(run, do)

    assert (error.kind, error.retryable) == (kind, retryable)
    assert message in str(error)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("in_colours", "line 1 of its output looks like one, but it is not JSON: expecting value"),
        ("over_several_lines", "line 2 of its output looks like one, but it is not JSON: extra"),
        ("in_utf16", "line 1 of its output looks like one, but it is UTF-16, write it in UTF-8"),
        ("as_python_writes_it", "line 1 of its output looks like one, but it is not JSON: "),
        ("in_a_list", 'line 1 of its output looks like one, but it is no object with "type"'),
        ("not_a_number", "a message of type 'result' cannot be taken: NaN is no number of JSON"),
        ("status_twice", "a message of type 'result' cannot be taken: the key \"status\" is there"),
    ],
)
async def test_what_is_wrong_with_a_result_is_told(run, do, message):
    error = await failure(run, do)

    assert (error.kind, error.retryable) == ("protocol", False)
    assert message in str(error)


async def test_a_checkpoint_is_read_while_the_agent_is_at_work(run, namespaces):
    kept: list[Checkpoint] = []
    await run(
        "hostile",
        {"do": "checkpoints"},
        secrets={"TOKEN": SECRET},
        on_checkpoint=kept.append,
        sandbox=SandboxSpec(namespaces=namespaces),
    )

    assert json.loads(kept[0].content) == {"secret": REDACTED, "n": 1}
    assert kept[1] == Checkpoint(b"large" * 20_000, is_file=True)


async def test_a_question_ends_the_agent_with_what_it_asks(run):
    kept: list[Checkpoint] = []
    with pytest.raises(QuestionAskedError) as caught:
        await run("hostile", {"do": "asks"}, may_ask=True, on_checkpoint=kept.append)

    assert caught.value.question == Question(id="region", text="Which region?")
    assert kept == [Checkpoint(b'{"n":1}')]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "asks 'Which region?', and its stage has no config.questions"),
        ({"may_ask": True, "answers": {"region": "eu"}}, "asks 'region' again"),
    ],
)
async def test_a_question_that_cannot_be_put_breaks_the_contract(run, options, message):
    error = await failure(run, "asks", **options)

    assert (error.kind, error.retryable) == ("protocol", False)
    assert message in str(error)


@pytest.mark.parametrize("kind", ["result", "progress", "log", "artifact"])
@pytest.mark.parametrize("levels", [63, 200, 400, 900, 100_000])
async def test_a_message_too_deep_breaks_the_contract(run, kind, levels):
    error = await failure(run, "nested", given={"kind": kind, "levels": levels})

    assert (error.kind, error.retryable) == ("protocol", False)
    assert f"{kind!r} cannot be taken: it is nested {levels + 2} levels deep, and 64 is" in str(
        error
    )


async def test_a_result_as_deep_as_may_be_is_taken(run):
    outcome = await run("hostile", {"do": "nested", "kind": "result", "levels": 62})

    assert outcome.result.ok


@pytest.mark.parametrize("do", ["progress_bar", "stderr_for_ever"])
async def test_however_much_an_agent_says_little_of_it_is_held(run, do):
    tracemalloc.start()
    try:
        with suppress(AgentError):
            await run("hostile", {"do": do})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (75, "tempfail", True),
        (64, "exit", False),
        (65, "exit", False),
        (78, "exit", False),
        (1, "exit", True),
        (200, "exit", True),
    ],
)
async def test_an_exit_status_says_whether_to_try_again(run, status, kind, retryable):
    error = await failure(run, "exit_with", given={"status": status})

    assert (error.kind, error.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    "do", ["closes_stdin", "stderr_flood", "bad_utf8", "garbage", "with_a_mark"]
)
async def test_a_clumsy_agent_may_still_deliver(run, do):
    outcome = await run("hostile", {"do": do})

    assert outcome.result.ok
    assert outcome.exit_code == 0


async def test_the_traceback_of_a_crash_is_told(run):
    error = await failure(run, "crash")

    assert "RuntimeError: on purpose" in error.detail["stderr"]


async def test_of_stderr_the_end_is_kept(run):
    outcome = await run("hostile", {"do": "stderr_flood"})

    assert len(outcome.stderr) == 65_536
    assert outcome.stderr.endswith("end")


async def test_what_is_no_message_is_kept_as_noise(run):
    outcome = await run("hostile", {"do": "garbage"})

    assert outcome.noise[:3] == ("hello", "[1, 2]", "{")
    assert len(outcome.noise) == 9
    assert outcome.events == ()


async def test_events_are_heard_but_not_all_kept(run):
    heard: list[Event] = []
    outcome = await run("hostile", {"do": "events"}, on_event=heard.append)

    assert [len(heard), len(outcome.events), outcome.dropped] == [3_000, 1_000, 1_000]
    assert all(event.type == "progress" for event in outcome.events)


async def test_a_listener_that_raises_stops_the_agent(run, mark):
    def stop(event):
        raise LookupError("budget spent")

    with pytest.raises(LookupError, match="budget spent"):
        await run("hostile", {"do": "hang", "mark": mark}, on_event=stop)

    assert sleepers(mark) == []


async def test_a_failed_agent_still_hands_over_its_artifacts(run):
    error = await failure(run, "fails")

    assert error.outcome is not None
    (artifact,) = error.outcome.artifacts
    assert artifact.path.read_text() == "because"


async def test_nothing_an_agent_says_holds_its_secret(run):
    outcome = await run("hostile", {"do": "tell_secret"}, secrets={"TOKEN": SECRET})

    told = json.dumps(
        [outcome.noise, outcome.stderr, outcome.result.output, outcome.result.summary]
    )
    assert SECRET[:6] not in told + repr(outcome)
    assert outcome.events[0].data == {"message": f"token is {REDACTED}", REDACTED: REDACTED}
    assert (outcome.secrets, outcome.tokens) == (7, 0)


async def test_a_secret_cut_in_two_by_the_limit_of_stderr_does_not_survive(run):
    outcome = await run("hostile", {"do": "tell_secret"}, secrets={"TOKEN": SECRET})

    assert SECRET[-6:] not in outcome.stderr


async def test_an_artifact_that_holds_a_secret_is_refused(run):
    error = await failure(run, "leak_secret", secrets={"TOKEN": SECRET})

    assert (error.kind, error.retryable, error.secrets > 0) == ("leak", False, True)
    assert SECRET not in str(error)


async def test_an_error_about_a_result_does_not_hold_a_secret(run):
    error = await failure(run, "bad_status", secrets={"TOKEN": "splendid"})

    assert "splendid" not in str(error)
    assert error.secrets == 1


async def test_a_changed_program_is_not_started(run, tmp_path):
    file = tmp_path / "program.py"
    file.write_text("print(1)")
    program = Program.from_file("program", file)
    file.write_text("print(2)")

    with pytest.raises(DeniedError, match="was changed while it was to start: program"):
        await run(program, {})


async def test_a_program_that_is_gone_is_not_started(run, tmp_path):
    file = tmp_path / "program.py"
    file.write_text("print(1)")
    program = Program.from_file("program", file)
    file.unlink()

    with pytest.raises(DeniedError, match="cannot be read any more: program"):
        await run(program, {})


async def test_a_program_that_cannot_start_says_so(run, tmp_path):
    file = tmp_path / "program"
    file.write_text("#!/nowhere/interpreter\n")
    file.chmod(0o755)

    with pytest.raises(DeniedError, match=r"as it must \(start\): .*No such file"):
        await run(Program.from_file("program", file), {})


def artifact(path: str, name: str = "a.txt", **more: str) -> dict[str, str]:
    return {"name": name, "path": path, **more}


@pytest.mark.parametrize(
    ("shell", "artifacts", "message"),
    [
        ([], [artifact("missing")], "No such file"),
        ([], [artifact(".")], "a regular file"),
        ([], [artifact("")], "needs a path"),
        ([], [artifact("a\0b")], "needs a path"),
        ([], [artifact("a.txt", name="../x")], "must match"),
        ([], [artifact("a.txt", name="report.md")], "'report.md' is reserved for the engine"),
        ([], [artifact("a.txt", name="Rep0rt.MD.")], "'Rep0rt.MD.' is reserved for the engine"),
        ([], [artifact("a.txt", media_type="text")], "no media type"),
        (["mkfifo f"], [artifact("f")], "a regular file"),
        (["echo 1 >a; ln a b"], [artifact("a")], "one name"),
        (["echo 1 >a; ln -s a l"], [artifact("l")], "symbolic link"),
        (["mkdir d; echo 1 >a"], [artifact("d/../a")], "without '..'"),
        (["echo 1 >a"], [artifact("a"), artifact("a")], "announced twice"),
        (["truncate -s 20M a"], [artifact("a")], "allowed are"),
    ],
)
async def test_an_artifact_outside_the_rules_is_refused(run, shell, artifacts, message):
    error = await failure(run, "artifact", given={"shell": shell, "artifacts": artifacts})

    assert error.kind == "protocol"
    assert message in str(error)


@pytest.mark.parametrize(
    ("shell", "path", "message"),
    [
        ([], "../a.txt", "leaves the private directory"),
        ([], "/etc/passwd", "leaves the private directory"),
        (["ln -s /etc l"], "l/../passwd", "leaves the private directory"),
        (["ln -s /etc/passwd l"], "l", "symbolic link"),
        (["ln -s /etc l"], "l/passwd", "symbolic link"),
    ],
)
async def test_an_artifact_that_leads_out_of_the_directory_is_an_escape(run, shell, path, message):
    error = await failure(run, "artifact", given={"shell": shell, "artifacts": [artifact(path)]})

    assert (error.kind, error.retryable) == ("escape", False)
    assert message in str(error)


async def test_artifacts_are_handed_over_in_order(run, private):
    shell = ["mkdir -p out; echo 1 >out/b; echo 12 >a"]
    outcome = await run(
        "hostile",
        {"do": "artifact", "shell": shell, "artifacts": [artifact("out/b"), artifact("a", "z")]},
    )

    assert [(a.name, a.path.read_text(), a.size) for a in outcome.artifacts] == [
        ("a.txt", "1\n", 2),
        ("z", "12\n", 3),
    ]
    assert all(a.path.is_relative_to(private) for a in outcome.artifacts)

"""The program ``llm``, against a server that speaks the wire format and misbehaves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.chat_server import ChatServer, answer, asks, chat_server, garbage, status
from tests.integration.programs.conftest import Answer, Ask

SCHEMA = {
    "type": "object",
    "properties": {
        "severity": {"enum": ["low", "high"]},
        "hosts": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["severity"],
    "additionalProperties": False,
}
KEY = {"LLM_API_KEY": "sk-of-a-test-4711"}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as served:
        yield served


@pytest.fixture
def structured(workspace: Path) -> dict[str, Any]:
    """Inputs that ask for an answer by schema."""
    (workspace / "answer.json").write_text(json.dumps(SCHEMA))
    return {"schema_file": "answer.json"}


def work(ask: Ask, server: ChatServer, phase: str = "EXECUTE", **inputs: Any) -> Answer:
    asked = {"endpoint": server.endpoint, "model": "tiny", "prompt": "What is it?", **inputs}
    return ask("llm", phase, **asked)


def test_an_answer_is_streamed_and_counted(ask, server):
    server.script = [answer("It is a disk that is full.")]
    said = work(ask, server, secrets=KEY, price_in=2.0, price_out=10.0, system="Be brief.")

    assert said.output == {
        "answer": "It is a disk that is full.",
        "model": "tiny-1",
        "calls": 1,
        "tokens_in": 11,
        "tokens_out": 7,
        "cost": 0.000092,
        "estimated": False,
    }
    assert said.read("answer.txt") == "It is a disk that is full."
    (heard,) = server.heard
    assert heard["path"] == "/v1/chat/completions"
    assert heard["headers"]["Authorization"] == "Bearer sk-of-a-test-4711"
    assert heard["body"]["model"] == "tiny"
    assert heard["body"]["stream"] is True
    assert [each["role"] for each in heard["body"]["messages"]] == ["system", "user"]
    assert "4711" not in json.dumps(said.messages) + said.read("conversation.json") + said.stderr


def test_what_was_planned_is_what_is_sent(ask, server):
    planned = work(ask, server, "PLAN", temperature=0.5, max_tokens=99)
    server.script = [answer("yes")]
    work(ask, server, own=planned, prompt="Something else?", temperature=1.0)

    (heard,) = server.heard
    planned_body = json.loads(planned.read("request.json"))["body"]
    assert heard["body"] == planned_body
    assert (planned_body["temperature"], planned_body["max_tokens"]) == (0.5, 99)
    assert planned.read("prompt.md") == "## user\n\nWhat is it?\n"


def test_what_earlier_stages_left_is_shown_to_the_model(ask, server, workspace):
    server.script = [answer("first")]
    earlier = work(ask, server)
    (workspace / "question.md").write_text("And now?")
    planned = work(
        ask,
        server,
        "PLAN",
        prompt_file="question.md",
        attach="look/answer.txt",
        given={"look": earlier},
    )

    assert planned.read("prompt.md") == (
        '## user\n\nWhat is it?\n\nAnd now?\n\n<output name="look/answer.txt">\nfirst\n</output>\n'
    )
    assert "hands over 'look/x'" in work(ask, server, "PLAN", attach="look/x").error


def test_an_answer_by_schema_is_data(ask, server, structured):
    server.script = [answer('```json\n{"severity": "high", "hosts": ["db-1"]}\n```')]
    said = work(ask, server, **structured)

    assert said.output["answer"] == {"severity": "high", "hosts": ["db-1"]}
    asked = server.heard[0]["body"]["response_format"]
    assert asked["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("It is bad.", "it is not JSON"),
        ('{"severity": "medium"}', '/severity must be one of "low", "high", got "medium"'),
        ('{"hosts": []}', "/severity is missing"),
        ('{"severity": "low", "why": 1}', "/why is not allowed"),
        ('{"severity": "low", "hosts": [1]}', "/hosts/0 must be string, got 1"),
        ('{"severity": NaN}', "NaN is no JSON"),
    ],
)
def test_an_answer_that_does_not_fit_is_sent_back_with_what_is_wrong(
    ask, server, structured, wrong, told
):
    server.script = [answer(wrong), answer('{"severity": "low"}')]
    said = work(ask, server, **structured)

    assert said.output["answer"] == {"severity": "low"}
    assert (said.output["calls"], said.output["tokens_out"]) == (2, 14)
    *_, theirs, ours = server.heard[1]["body"]["messages"]
    assert theirs == {"role": "assistant", "content": wrong}
    assert told in ours["content"]


def test_repairs_have_an_end(ask, server, structured):
    server.script = [answer("{}")] * 9
    said = work(ask, server, **structured, repairs=1)

    assert said.result["status"] == "failed"
    assert said.result["summary"] == "no answer fits the schema: /severity is missing"
    assert len(server.heard) == 2
    assert json.loads(said.read("conversation.json"))["messages"][1]["content"] == "{}"


def test_arguments_of_tools_are_asked_with_and_not_kept(ask, server):
    server.script = [asks(("refund", {"card": "4111"}), saying="it is due"), answer("paid")]
    told = {"type": "tool_result", "id": "c1", "status": "ok", "text": "paid 82", "deadline": 1.0}
    said = work(ask, server, tools=[{"server": "pay", "tool": "refund"}], hears=[told])

    [called] = [each for each in said.messages if each["type"] == "tool_call"]
    assert called["arguments"] == {"card": "4111"}
    assert "4111" in json.dumps(server.heard[1]["body"])
    assert "4111" not in said.read("conversation.json")
    assert "paid 82" in said.read("conversation.json")


@pytest.mark.parametrize("response_format", ["json_object", "none"])
def test_an_endpoint_that_knows_no_schema_is_told_in_words(
    ask, server, structured, response_format
):
    server.script = [answer('{"severity": "low"}')]
    work(ask, server, **structured, response_format=response_format)

    body = server.heard[0]["body"]
    assert json.dumps(SCHEMA) in body["messages"][0]["content"]
    assert ("response_format" in body) == (response_format == "json_object")


def test_who_is_told_to_wait_waits(ask, server):
    server.script = [status(429, headers={"Retry-After": "1"}), answer("now")]
    begun = time.monotonic()

    assert work(ask, server).output["answer"] == "now"
    assert time.monotonic() - begun >= 1


def test_who_would_wait_beyond_the_deadline_gives_up(ask, server):
    server.script = [status(429, "slow down", headers={"Retry-After": "3600"})]
    said = work(ask, server)

    assert (said.status, len(server.heard)) == (75, 1)
    assert said.error == "127.0.0.1 answers with status 429: slow down"


@pytest.mark.parametrize(
    ("turn", "exit_status", "told"),
    [
        (status(500, "oops"), 75, "status 500: oops"),
        (status(529, "overloaded"), 75, "status 529: overloaded"),
        (status(401, "bad key"), 78, "bad key (the key is secret LLM_API_KEY)"),
        (status(404, "no such model"), 65, "no such model"),
        (status(200), 65, "answers with application/json: is `endpoint` one of completions?"),
        (answer("half an ans", end=None, done=False), 75, "the answer was cut after 11 characters"),
        (garbage("{no json"), 75, "the stream cannot be read"),
        (garbage('{"error": {"message": "server is on fire"}}'), 75, "server is on fire"),
        (garbage('{"choices": [{"delta": 7}]}'), 75, "the stream cannot be read"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_the_right_status(ask, server, turn, exit_status, told):
    server.script = [turn]
    said = work(ask, server)

    assert said.status == exit_status
    assert told in said.error
    assert len(server.heard) == 1


@pytest.mark.parametrize("end", ["length", "content_filter", None])
def test_an_answer_that_is_not_whole_never_counts(ask, server, end):
    server.script = [answer("half", end=end)]
    said = work(ask, server)

    assert said.result["status"] == "failed"
    assert "not whole" in said.result["summary"]


def test_a_server_that_does_not_count_is_estimated(ask, server):
    server.script = [answer("twelve chars", usage=False)]
    said = work(ask, server)

    assert said.output["estimated"] is True
    assert said.output["tokens_out"] == 4


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"token_budget": 100}, "token_budget is 100"),
        ({"cost_budget": 0.001, "price_out": 10.0}, "cost_budget is 0.001"),
    ],
)
def test_no_call_begins_that_could_break_a_budget(ask, server, inputs, told):
    said = work(ask, server, **inputs)

    assert said.result["status"] == "failed"
    assert told in said.result["summary"]
    assert not server.heard


def test_repairs_are_paid_from_the_budget_too(ask, server, structured):
    server.script = [answer("{}")] * 9
    said = work(ask, server, **structured, max_tokens=50, token_budget=150, repairs=5)

    assert "token_budget is 150" in said.result["summary"]
    assert said.result["output"]["calls"] == len(server.heard) == 2


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"endpoint": "http://models.example.com/v1"}, "the key would travel in clear"),
        ({"endpoint": "models.example.com"}, "expected https://host/"),
        ({"model": ""}, "input `model` is missing"),
        ({"prompt": ""}, "the prompt has 0 characters"),
        ({"schema_file": "none.json"}, "schema_file cannot be read"),
        ({"schema_file": "../answer.json"}, "must lie below the workspace"),
    ],
)
def test_a_wrong_input_is_refused_before_anything_is_sent(ask, server, inputs, told):
    said = work(ask, server, secrets=KEY, **inputs)

    assert said.status == 65
    assert told in said.error


@pytest.mark.parametrize(
    "schema", ['{"patern": "x"}', '{"properties": {"a": {"format": "date"}}}', '{"type": "txt"}']
)
def test_a_schema_that_is_not_understood_is_refused(ask, server, workspace, schema):
    (workspace / "s.json").write_text(schema)

    for given in ({"schema_file": "s.json"}, {"schema": schema}):
        assert "is not understood: /" in work(ask, server, "PLAN", **given).error

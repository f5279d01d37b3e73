"""The answer of an agent that is no process is read as strictly as a line of a program."""

from __future__ import annotations

import pytest

from integrations.agents.contract.answer import read_answer
from integrations.agents.contract.protocol import PROTOCOL, AgentError
from integrations.redaction import Redactor

TOKEN = "hvs." + "a" * 30


def test_a_result_is_taken_and_what_is_beside_it_means_nothing():
    said = '{"type":"result","status":"ok","summary":"s","output":{"n":1},"later":[1]}'
    result = read_answer(said, Redactor())

    assert (result.ok, result.output, result.summary) == (True, {"n": 1}, "s")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "its answer cannot be taken: it is not JSON"),
        ("{", "it is not JSON"),
        ("[]", "its answer is a list and no result"),
        ("7", "its answer is 7 and no result"),
        ("{}", "its answer is an object and no result"),
        ('{"type": ["result"]}', "its answer is an object and no result"),
        ('{"type":"result","status":"ok","output":{"n":Infinity}}', "cannot be taken"),
        ('{"type":"result","status":"ok","status":"failed"}', "cannot be taken"),
        ('{"type":"result","status":"ok","output":{"n":"\\ud800"}}', "surrogate"),
        ('{"type":"result","status":["ok"]}', "result.status must be"),
        (f'{{"type":"result","status":"{TOKEN}"}}', "got '[redacted]'"),
        (f'{{"type":"{TOKEN}"}}', "an object of type '[redacted]'"),
    ],
)
def test_what_is_no_result_breaks_the_contract(said, why):
    with pytest.raises(AgentError) as caught:
        read_answer(said, Redactor())

    assert caught.value.kind == PROTOCOL
    assert why in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_what_looks_like_a_token_is_taken_out():
    redact = Redactor()
    result = read_answer(f'{{"type":"result","status":"ok","output":{{"a":"{TOKEN}"}}}}', redact)

    assert result.output == {"a": "[redacted]"}
    assert redact.replaced.tokens == 1

"""Whatever is sent to a workflow is read whole and can be handed on, or refused in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from activities import contracts
from activities.contracts import messages, specs
from activities.contracts.answers import UnreadableError, read_value
from activities.runtime.converter import MandatePayloadConverter
from dsl.core import Value
from dsl.limits import REPORT_BYTES_MAX
from dsl.values.canonical import canonical
from tests.fixtures.hostile.json_texts import objects, spelled, values
from tests.fixtures.search import inputs
from workflows.ledger.facts import fact
from workflows.messages import inputs as inbox
from workflows.messages import stop
from workflows.messages.inputs import MessageError

CONVERTER = MandatePayloadConverter()
ENCODINGS = (*[b"json/plain"] * 12, b"yaml/plain", b"binary/plain", b"json/protobuf", b"\xff", b"")
OURS = re.compile(r"[A-Z]\w+(?:Message|Order|Error)\b|positional|argument|0x[0-9a-f]{6,}")

votes = objects(
    gate=('"review"', '"a/b"'),
    decision=('"approve"', '"reject"', '"APPROVE"'),
    voter=('"ann"',),
    reason=('"fine"',),
    proof=('""', '"e30"'),
)
starts = objects(
    pipeline=('"deploy"',),
    definition=("{}", '"name: x"'),
    inputs=("{}", '{"environment": "staging"}'),
    stages=("[]",),
    name=('"x"',),
)
orders = objects(
    agent=('"deploy.plan"',),
    stage=('"plan"',),
    reason=('"it leaks"',),
    epoch=("0", "7"),
    to=('"T2"', "2"),
    proof=('""',),
)


def raw(data: bytes, encoding: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


def reads(read: Callable[[list[Any]], Any], data: bytes, encoding: bytes) -> Any:
    """Return what was read, None when it was refused in words for its sender."""
    try:
        return read([raw(data, encoding)])
    except MessageError as error:
        said = str(error)
        assert said
        assert "\n" not in said.strip()
        assert not OURS.search(said), said
        return None


def can_be_handed_on(value: Value) -> None:
    payload = CONVERTER.to_payload(value)
    assert CONVERTER.from_payload(payload, type(value)) == value
    noted = fact({"said": value.model_dump(mode="json")})
    assert canonical(noted)


@inputs(1_000)
@given(spelled(votes) | spelled(values), st.sampled_from(ENCODINGS))
def test_a_vote_is_read_or_refused_in_a_sentence(data, encoding):
    vote = reads(inbox.read_vote, data, encoding)
    if vote is not None:
        assert vote.decision in ("approve", "reject")
        can_be_handed_on(vote)


@inputs(1_000)
@given(
    st.sampled_from(["Pipeline", "deploy"]),
    spelled(starts) | spelled(values),
    st.sampled_from(ENCODINGS),
)
def test_a_start_is_read_or_refused_in_a_sentence(workflow_type, data, encoding):
    request = reads(lambda args: inbox.read_start(workflow_type, args), data, encoding)
    if request is not None:
        can_be_handed_on(request)


READERS = (
    stop.read_stop,
    stop.read_revoke,
    inbox.read_promotion,
    inbox.read_reinstatement,
)


@inputs(1_000)
@given(st.sampled_from(READERS), spelled(orders) | spelled(values), st.sampled_from(ENCODINGS))
def test_an_order_is_read_or_refused_in_a_sentence(read, data, encoding):
    order = reads(read, data, encoding)
    if order is not None:
        can_be_handed_on(order)


@pytest.mark.parametrize("twice", ['"decision":"approve","decision":"reject"', '"gate":"b"'])
def test_a_vote_that_says_something_twice_is_none(twice):
    data = f'{{"gate":"a","decision":"approve","voter":"ann",{twice}}}'.encode()

    with pytest.raises(MessageError, match=r'the key "(decision|gate)" is there twice'):
        inbox.read_vote([raw(data, b"json/plain")])


SPECS = [*specs.PHASES.values()] + [
    each
    for module in iter_modules(contracts.__path__, "activities.contracts.")
    for each in vars(import_module(module.name)).values()
    if isinstance(each, specs.ActivitySpec)
]
answers = objects(
    output=("{}", '{"n": 1}'),
    outputs=("[]",),
    fence=("1", "-1", "1.0", '"1"'),
    facts=("{}",),
    entity=('"e"',),
    name=('"ann"',),
    first=("1",),
    last=("2",),
    status=('"completed"',),
    registered=("true",),
    agents=("[]",),
    agent=('"a"',),
)


@inputs(1_500)
@given(
    st.sampled_from([*SPECS, messages.AgentReport]),
    spelled(answers) | spelled(values),
    st.sampled_from(ENCODINGS),
)
def test_an_answer_is_read_or_refused_in_a_sentence(spec, data, encoding):
    kind = spec if isinstance(spec, type) else spec.output
    try:
        answer = read_value(raw(data, encoding), kind, CONVERTER, bytes_max=REPORT_BYTES_MAX)
    except UnreadableError as error:
        said = str(error)
    else:
        said = "read"
        can_be_handed_on(answer)
    assert "\n" not in said
    assert 0 < len(said) < 300


@inputs(500)
@given(spelled(values), st.sampled_from(ENCODINGS))
def test_what_a_failure_carries_never_fails_its_reader(data, encoding):
    assert len(CONVERTER.from_payloads([raw(data, encoding).payload])) == 1

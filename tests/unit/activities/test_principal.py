"""Principals on events, as a server with an authoriser writes them; no such server is here."""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent

from activities.runtime.principal import named_in

PROOF = "eyJwcm9vZiI6MX0"


def signalled(principal: str, text: str) -> HistoryEvent:
    event = HistoryEvent()
    event.principal.name = principal
    payload = event.workflow_execution_signaled_event_attributes.input.payloads.add()
    payload.data = f'{{"proof":"{text}"}}'.encode()
    return event


def updated(principal: str, text: str) -> HistoryEvent:
    event = HistoryEvent()
    event.principal.name = principal
    accepted = event.workflow_execution_update_accepted_event_attributes
    payload = accepted.accepted_request.input.args.payloads.add()
    payload.data = f'{{"proof":"{text}"}}'.encode()
    return event


def started(principal: str, text: str) -> HistoryEvent:
    event = HistoryEvent()
    event.principal.name = principal
    memo = event.workflow_execution_started_event_attributes.memo
    memo.fields["mandate.starter"].data = f'"{text}"'.encode()
    return event


def test_the_sender_of_a_signal_an_update_and_a_start_is_found():
    for event in (signalled("ann", PROOF), updated("ann", PROOF), started("ann", PROOF)):
        senders = named_in([event, HistoryEvent()], PROOF)

        assert senders.of_message == {"ann"}
        assert senders.refuse(frozenset({"ann", "a.smith"})) is None
        assert "'ann' has sent it" in str(senders.refuse(frozenset({"bob"})))


def test_another_spelling_of_the_same_json_is_the_same_message():
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in PROOF)

    assert named_in([signalled("eve", spelled)], PROOF).of_message == {"eve"}


def test_where_the_server_names_senders_a_message_without_one_is_refused():
    senders = named_in([signalled("bob", "another"), signalled("", PROOF)], PROOF)

    assert "none for this message" in str(senders.refuse(frozenset({"ann"})))


def test_a_server_that_says_nothing_leaves_nothing_to_compare():
    assert named_in([signalled("", PROOF)], PROOF).refuse(frozenset({"ann"})) is None


def test_a_proof_sent_twice_has_two_senders_and_one_of_them_is_enough():
    senders = named_in([signalled("ann", PROOF), updated("eve", PROOF)], PROOF)

    assert senders.of_message == {"ann", "eve"}
    assert senders.refuse(frozenset({"ann"})) is None

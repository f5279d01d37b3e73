"""Principals on events, as a server with an authoriser writes them; no such server is here."""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent

from activities.principal import named_in

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
    assert named_in([signalled("ann", PROOF)], PROOF) == {"ann"}
    assert named_in([updated("ann", PROOF)], PROOF) == {"ann"}
    assert named_in([started("ann", PROOF)], PROOF) == {"ann"}


def test_messages_about_something_else_say_nothing():
    assert named_in([signalled("bob", "another"), HistoryEvent()], PROOF) == frozenset()


def test_a_server_that_says_nothing_leaves_nothing_to_compare():
    assert named_in([signalled("", PROOF)], PROOF) == frozenset()


def test_a_proof_sent_twice_has_two_senders():
    assert named_in([signalled("ann", PROOF), updated("eve", PROOF)], PROOF) == {"ann", "eve"}

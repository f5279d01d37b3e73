"""Arguments for which a seal stands: nobody reads them, and the server has them whole."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from dsl.limits import TOOL_SEALS_MAX
from dsl.rules.tools.calls import CallRefusedError, call_of
from dsl.rules.tools.sealed import SEAL, opened, sealed
from dsl.values.canonical import canonical

GIVEN: dict[str, Any] = {
    "amount": 5,
    "card": "4111",
    "people": [{"pin": {"a": [1]}}, {"name": "ann"}],
}
FIELDS = ("card", "people.pin", "nowhere")


class Store:
    """Keeps bytes by their digest."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def keep(self, data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.kept[digest] = data
        return digest

    def seal(self, arguments: dict[str, Any], salt: str = "s") -> dict[str, Any]:
        return sealed(arguments, FIELDS, lambda field: salt + field, self.keep)


def test_what_is_sealed_is_read_by_nobody_and_opened_whole():
    store = Store()
    told = store.seal(GIVEN)

    assert "4111" not in canonical(told)
    assert (told["amount"], told["people"][1]) == (5, {"name": "ann"})
    assert opened(told, store.kept.__getitem__) == GIVEN
    assert GIVEN["card"] == "4111"


@pytest.mark.parametrize("people", ["ann 4111", ["ann 4111", {"Pin": "4111"}], 4111])
def test_what_has_another_shape_is_sealed_whole(people: Any):
    store = Store()
    given = {"card": {"people": 4111}, "people": people}
    fields = ("people.pin", "card.people", "card", "CARD", "people.pin.digit")
    told = sealed(given, fields, lambda field: field, store.keep)

    assert "4111" not in canonical(told)
    assert opened(told, store.kept.__getitem__) == given


def test_a_seal_binds_the_value_and_tells_nothing_of_it_elsewhere():
    store = Store()
    calls = [
        call_of("pay", "refund", store.seal({**GIVEN, "card": card}, salt)).digest()
        for card, salt in (("4111", "s"), ("4111", "s"), ("4112", "s"), ("4111", "t"))
    ]

    assert calls[0] == calls[1]
    assert len({*calls}) == 3


def test_of_arguments_with_too_many_places_nothing_is_kept():
    store = Store()
    with pytest.raises(CallRefusedError, match=f"more than {TOOL_SEALS_MAX} places"):
        store.seal({"card": 1, "people": [*range(TOOL_SEALS_MAX)]})

    assert store.kept == {}
    assert store.seal({"people": [*range(TOOL_SEALS_MAX)]})
    assert len(store.kept) == TOOL_SEALS_MAX


@pytest.mark.parametrize("where", [{SEAL: "sha256:0"}, {"a": [{"b": {SEAL: 1}}]}])
def test_no_agent_writes_a_seal(where: dict[str, Any]):
    with pytest.raises(CallRefusedError, match="sealed"):
        Store().seal({"x": where})


@pytest.mark.parametrize("kept", [b"{", b'"text"', b'{"value": 1}', b'{"salt": 1, "of": 1}'])
def test_what_was_no_argument_is_handed_to_no_server(kept: bytes):
    with pytest.raises(CallRefusedError, match="was no argument"):
        opened({"a": {SEAL: "sha256:0"}}, lambda _: kept)

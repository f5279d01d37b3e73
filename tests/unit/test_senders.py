"""Who asks has the address of the connection, but for what proxies of ours say they have seen."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.web.door import REQUEST_RATE, Door
from integrations.web.senders import HOPS_MAX, Senders, networks_of

OURS = networks_of(["10.0.0.0/24", "::1"])


@pytest.mark.parametrize(
    ("connected", "said", "found"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # what it was told by others
        ("10.0.0.5", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),  # in two headers
        ("10.0.0.5", ["1.1.1.1, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),  # two proxies of ours
        ("10.0.0.5", ["1.1.1.1, 10.0.0.7"], "1.1.1.1"),
        ("10.0.0.5", ["1.1.1.1, unknown"], "10.0.0.5"),
        ("10.0.0.5", ["1.1.1.1, unknown, 10.0.0.7"], "10.0.0.7"),
        ("10.0.0.5", ["\xff, "], "10.0.0.5"),
        ("::1", ["2001:DB8::1"], "2001:db8::1"),
        ("", ["198.51.100.1"], ""),
        ("10.0.0.5", ["10.0.0.6, " * 100_000 + "10.0.0.6"], "10.0.0.6"),
    ],
)
def test_an_address_is_believed_of_our_proxies_alone(connected: str, said: list[str], found: str):
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in said]

    assert Senders(OURS).address(connected, headers) == found
    assert Senders().address(connected, headers) == connected


@pytest.mark.parametrize("word", ["", "localhost", "10.0.0.5/8", "0.0.0.0/0", "::/0", "10.0.0.5:1"])
def test_what_is_no_proxy_is_refused(word: str):
    with pytest.raises(ValueError, match=r"proxy|everybody"):
        networks_of([word])


def test_so_many_are_a_mistake():
    assert HOPS_MAX < 100
    with pytest.raises(ValueError, match="at most 100"):
        networks_of(["10.0.0.5"] * 101)


async def test_each_behind_a_proxy_has_a_rate_of_their_own():
    statuses: list[int] = []

    async def served(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def ask(door: Door, who: str) -> int:
        scope = {
            "type": "http",
            "path": "/",
            "raw_path": b"/",
            "client": ("10.0.0.5", 1),
            "headers": [(b"host", b"m.example"), (b"x-forwarded-for", who.encode())],
        }
        await door(scope, receive, send)
        return statuses[-1]

    for senders, other in ((Senders(OURS), 200), (Senders(), 429)):
        door = Door(served, ["m.example"], senders=senders)
        while await ask(door, "198.51.100.1") == 200:
            assert len(statuses) < 100 * REQUEST_RATE.burst
        assert await ask(door, "198.51.100.2") == other

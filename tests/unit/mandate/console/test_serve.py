"""Where `mandate serve` may listen, what it is called there, and who may look."""

from __future__ import annotations

import pytest

from mandate.people.errors import UsageError
from mandate.work.operate.serve import (
    Place,
    is_this_machine,
    names_in,
    origins_of,
    refuse_plain,
    senders_of,
)


@pytest.mark.parametrize(
    ("origin", "names"),
    [
        ("", ()),
        ("https://m.example", ("m.example", "m.example:443")),
        ("https://m.example:8443/", ("m.example:8443",)),
        ("https://M.example:443", ("m.example", "m.example:443")),
        ("https://[::1]", ("[::1]", "[::1]:443")),
        ("https://[::1]:8443", ("[::1]:8443",)),
    ],
)
def test_an_address_says_what_stands_in_host(origin: str, names: tuple[str, ...]):
    assert names_in(origin) == names


@pytest.mark.parametrize(
    "origin",
    [
        *("m.example", "ftp://m.example", "https://", "https://m/x", "https://m:x", "https://m:0"),
        *("https://user@m", "https://user:word@m", "https://m?x", "https://m?", "https://m#x"),
        *("https://[::1", "https://[zz]", "https://m m", "https://m,n", "https://\u00e9.example"),
    ],
)
def test_what_is_no_address_is_refused(origin: str):
    with pytest.raises(UsageError, match="--origin: expected an address"):
        names_in(origin)


@pytest.mark.parametrize(
    "place",
    [
        Place(host="0.0.0.0"),
        Place(host="192.0.2.1"),
        Place(host="m.example"),
        Place(origin="http://m.example"),
        Place(host="0.0.0.0", origin="http://localhost:8300"),
        Place(origin="http://[2001:db8::1]"),
    ],
)
def test_no_password_is_sent_in_the_clear(place: Place):
    with pytest.raises(UsageError, match="TLS"):
        refuse_plain(place)
    assert not is_this_machine(place)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_alone_may_look_without_a_login(host: str):
    refuse_plain(Place(host=host))

    assert is_this_machine(Place(host=host))
    assert not is_this_machine(Place(host=host, origin="https://m.example"))


def test_pages_of_ours_are_those_of_the_address_that_people_use():
    assert origins_of(Place(), ["127.0.0.1:8300"]) == ("http://127.0.0.1:8300",)


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        ("https://m.example/", "https://m.example"),
        ("https://m.example:443", "https://m.example"),
        ("http://localhost:80", "http://localhost"),
        ("HTTPS://M.example:8443", "https://m.example:8443"),
        ("https://[::1]", "https://[::1]"),
    ],
)
def test_an_address_that_people_use_is_what_a_browser_calls_it(origin: str, ours: str):
    assert origins_of(Place(origin=origin), ["127.0.0.1:8300"]) == (ours,)


def test_a_proxy_that_speaks_tls_may_stand_on_another_machine():
    refuse_plain(Place(host="0.0.0.0", origin="https://m.example"))


@pytest.mark.parametrize("place", [Place(proxies=("10.0.0.5",)), Place(proxies=("0.0.0.0/0",))])
def test_a_proxy_is_believed_only_where_there_is_one(place: Place):
    with pytest.raises(UsageError, match="--proxy: name the address that people use"):
        senders_of(place)


def test_everybody_is_no_proxy():
    with pytest.raises(UsageError, match="is everybody"):
        senders_of(Place(origin="https://m.example", proxies=("0.0.0.0/0",)))

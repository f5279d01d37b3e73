"""By which address somebody asks: that of the connection, or what a proxy of ours says it was.

1. What stands in ``X-Forwarded-For`` is believed of nobody but the operator's proxies, and of them
   alone what they have added themselves: it is read from its end, as far as proxies of ours go.
   Whatever stands before that anybody can have written.
2. What is no address there is that of the proxy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

HOPS_MAX: Final = 10
HEADER: Final = b"x-forwarded-for"
PROXIES_MAX: Final = 100

Network = IPv4Network | IPv6Network


class Senders:
    """Knows the proxies of one site."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(proxies)

    def address(self, connected: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the address of whoever asks; ``connected`` is that of the connection."""
        found = connected
        for hop in reversed(_hops(headers) if self._is_ours(connected) else []):
            if not self._is_ours(found):
                break
            try:
                found = str(ip_address(hop))
            except ValueError:  # (2) the proxy's
                break
        return found

    def _is_ours(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in each for each in self._proxies)


NO_PROXIES: Final = Senders()


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    said = b",".join(value for name, value in headers if name == HEADER)
    return [each.strip() for each in said.decode("latin-1").split(",")][-HOPS_MAX:]


def networks_of(words: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks that are written so.

    Raises:
        ValueError: one is none, all the world, or there are too many.
    """
    if len(words) > PROXIES_MAX:
        raise ValueError(f"expected at most {PROXIES_MAX} proxies, got {len(words)}")
    return tuple(map(_network, words))


def _network(word: str) -> Network:
    try:
        found = ip_network(word)
    except ValueError:
        raise ValueError(
            f"expected the address of a proxy, such as 10.0.0.5 or 10.0.0.0/24, got {word[:60]!r}"
        ) from None
    if found.prefixlen == 0:
        raise ValueError(f"{word!r} is everybody: name the proxies")
    return found

"""What an experiment touches, watched from outside while it is made: signals, and sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integrations.agents.processes.descendants import descendants_of
from mandate.work.chaos.ground.arena import ChaosArena

LOOK_EVERY_S = 0.1


@dataclass
class Touched:
    """What was seen."""

    signalled: set[int] = field(default_factory=set)  # pids
    ours: set[int] = field(default_factory=set)  # pids that were ever ours
    addresses: set[str] = field(default_factory=set)  # either end of each socket of ours

    @property
    def strangers(self) -> set[int]:
        return self.signalled - self.ours

    @property
    def elsewhere(self) -> list[str]:
        told = (ipaddress.ip_address(each) for each in self.addresses)
        return [str(each) for each in told if not (each.is_loopback or each.is_unspecified)]


@asynccontextmanager
async def watched(arena: ChaosArena, patch: pytest.MonkeyPatch) -> AsyncIterator[Touched]:
    """Watch the stack of ``arena``, and whom this process signals."""
    seen, kill = Touched(), os.kill

    def told(pid: int, number: int) -> None:
        if number:  # 0 only asks whether it is there
            seen.ours |= _ours(arena)
            seen.signalled.add(pid)
        kill(pid, number)

    async def look() -> None:
        while True:
            seen.ours |= await asyncio.to_thread(_ours, arena)
            seen.addresses |= await asyncio.to_thread(lambda: {*_addresses(seen.ours)})
            await asyncio.sleep(LOOK_EVERY_S)

    patch.setattr(os, "kill", told)
    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()


def _ours(arena: ChaosArena) -> set[int]:
    marked = arena.processes.marked()
    return {*marked, *(pid for each in marked for pid in descendants_of(each))}


def _addresses(pids: set[int]) -> Iterator[str]:
    """Yield both addresses of every TCP and UDP socket that these processes hold."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, remote, inode = (line.split()[at] for at in (1, 2, 9))
            if inode in inodes:
                yield from map(_address, (local, remote))


def _sockets(pid: int) -> Iterator[str]:
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            name = str(link.readlink())
            if name.startswith("socket:["):
                yield name[8:-1]
    except OSError:  # it has ended
        return


def _address(told: str) -> str:
    """Return an address as the kernel tells it: words of four bytes, each the wrong way round."""
    packed = bytes.fromhex(told.partition(":")[0])
    words = [packed[at : at + 4][::-1] for at in range(0, len(packed), 4)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)

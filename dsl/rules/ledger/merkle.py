"""The Merkle tree of RFC 6962 over a ledger's entries: roots, proofs, and their verification.

A leaf is the hash of an entry as it stands in its row (``integrations.ledger.entries``). Nothing
here knows where leaves come from. The rules:

1. A node is SHA-256 of ``0x01`` and its two children, so that no node can pass for a leaf.
2. Proofs are those of RFC 9162, 2.1.3 and 2.1.4: whoever holds two roots needs nothing of the chain
   between them. A proof is good as a whole; one hash too many or too few is a bad one.
3. An empty tree has a root and no proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
RootOf = Callable[[int, int], bytes]  # the root over leaves ``[first, end)``


def leaf_of(entry: bytes) -> bytes:
    """Return the leaf of an entry's canonical text."""
    return hashlib.sha256(_LEAF + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the parent of two nodes (1)."""
    return hashlib.sha256(_NODE + left + right).digest()


class Peaks:
    """A tree that only grows: the roots of its full subtrees, left to right."""

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.size = 0

    def add(self, leaf: bytes) -> None:
        """Append a leaf, or a full subtree where all that is added is of one size."""
        peaks = self._peaks
        self.size = size = self.size + 1
        while not size & 1:
            leaf = hashlib.sha256(_NODE + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)

    def peaks(self) -> list[bytes]:
        """Return the roots of the full subtrees, the largest first."""
        return list(self._peaks)

    def root(self) -> bytes:
        """Return the root of all that was added."""
        return root_of_peaks(self._peaks)


def root_of_peaks(peaks: Sequence[bytes]) -> bytes:
    """Return the root over full subtrees that stand side by side, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = node(left, root)
    return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over ``leaves``."""
    tree = Peaks()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_proof(index: int, size: int, root_between: RootOf) -> list[bytes]:
    """Return what leads from leaf ``index`` to the root of the first ``size`` leaves (2).

    Raises:
        ValueError: the tree has no such leaf (3).
    """
    if not 0 <= index < size:
        raise ValueError(f"expected an entry before {size}, got {index}")
    proof: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            proof.append(root_between(middle, end))
            end = middle
        else:
            proof.append(root_between(first, middle))
            first = middle
    return proof[::-1]


def consistency_proof(before: int, size: int, root_between: RootOf) -> list[bytes]:
    """Return what shows that the first ``before`` leaves of ``size`` are those of an earlier tree.

    Raises:
        ValueError: there is nothing to prove between these sizes (3).
    """
    if not 0 < before <= size:
        raise ValueError(f"expected a size from 1 to {size}, got {before}")
    proof: list[bytes] = []
    first, end, is_left_edge = 0, size, True
    while before < end:
        middle = first + _split(end - first)
        if before <= middle:
            proof.append(root_between(middle, end))
            end = middle
        else:
            proof.append(root_between(first, middle))
            first, is_left_edge = middle, False
    if not is_left_edge:
        proof.append(root_between(first, end))
    return proof[::-1]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether ``proof`` leads from the leaf at ``index`` to ``root`` (2)."""
    if not 0 <= index < size:
        return False
    found = leaf
    try:
        for step, is_left in _way(index, size - 1, proof):
            found = node(step, found) if is_left else node(found, step)
    except ValueError:
        return False
    return found == root


def is_consistent(
    before: int, size: int, proof: Sequence[bytes], root_before: bytes, root: bytes
) -> bool:
    """Tell whether ``proof`` shows that the tree of ``size`` holds the earlier as it was (2)."""
    if before == size:
        return not proof and root_before == root
    if not 0 < before < size:
        return False
    at, last = before - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    steps = [root_before, *proof] if before & (before - 1) == 0 else list(proof)
    old = new = steps[0] if steps else b""
    try:
        for step, is_left in _way(at, last, steps[1:]):
            new = node(step, new) if is_left else node(new, step)
            old = node(step, old) if is_left else old
    except ValueError:
        return False
    return old == root_before and new == root


def _way(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each step up from node ``at`` of the row that ends with ``last``, and its side.

    Raises:
        ValueError: the proof is too long or too short (2).
    """
    for step in proof:
        if last == 0:
            raise ValueError("a hash too many")
        is_left = bool(at & 1) or at == last
        if is_left:
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        yield step, is_left
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError("a hash too few")


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1

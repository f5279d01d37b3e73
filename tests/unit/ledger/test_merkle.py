"""The tree of RFC 6962, against its definition, and proofs against every small change."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.rules.ledger.merkle import (
    EMPTY_ROOT,
    Peaks,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_of,
    root_of,
)

# The leaves and roots of the test vectors that the implementations of RFC 6962 share.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
INPUTS.append("606162636465666768696a6b6c6d6e6f")
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [hashlib.sha256(bytes([n])).digest() for n in range(70)]


def root(leaves: list[bytes]) -> bytes:
    """The definition, slowly."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def between(first: int, end: int) -> bytes:
    return root(LEAVES[first:end])


def test_the_roots_are_those_of_the_shared_vectors() -> None:
    tree = Peaks()
    for text, expected in zip(INPUTS, ROOTS, strict=True):
        tree.add(leaf_of(bytes.fromhex(text)))
        assert tree.root().hex() == expected
    assert Peaks().root() == EMPTY_ROOT


def test_every_inclusion_of_every_small_tree_is_proven_and_nothing_else_is() -> None:
    for size in range(1, 40):
        assert root_of(LEAVES[:size]) == between(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, between)
            assert is_included(LEAVES[index], index, size, proof, between(0, size))
            assert not is_included(LEAVES[index + 1], index, size, proof, between(0, size))
            assert not is_included(LEAVES[index], index, size, proof, between(0, size + 1))
            assert not is_included(
                LEAVES[index], index, size, [*proof, LEAVES[0]], between(0, size)
            )
            if proof:
                assert not is_included(LEAVES[index], index, size, proof[:-1], between(0, size))
                assert not is_included(
                    LEAVES[index], (index + 1) % size, size, proof, between(0, size)
                )


def test_every_consistency_of_every_small_tree_is_proven_and_nothing_else_is() -> None:
    for size in range(1, 40):
        for before in range(1, size + 1):
            proof = consistency_proof(before, size, between)
            old, new = between(0, before), between(0, size)
            assert is_consistent(before, size, proof, old, new)
            assert not is_consistent(
                before, size, proof, LEAVES[0] if before > 1 else new[::-1], new
            )
            assert not is_consistent(before, size, proof, old, LEAVES[69])
            assert not is_consistent(before, size, [*proof, LEAVES[0]], old, new)
            if proof:
                assert not is_consistent(before, size, proof[:-1], old, new)
                assert not is_consistent(before, size, [LEAVES[69], *proof[1:]], old, new)


@given(st.integers(-3, 80), st.integers(-3, 80), st.lists(st.sampled_from(LEAVES), max_size=8))
def test_what_anybody_sends_as_a_proof_is_refused_and_ends(
    index: int, size: int, proof: list[bytes]
) -> None:
    assert not is_included(LEAVES[0], index, size, proof, b"x" * 32)
    assert not is_consistent(index, size, proof, b"x" * 32, b"y" * 32)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_an_entry_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="expected an entry before"):
        inclusion_proof(index, size, between)

"""The anchors that an operator has named."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.ledger.anchors import specs
from integrations.ledger.anchors.anchor import Anchor
from integrations.ledger.anchors.directory import DirectoryAnchor
from integrations.ledger.anchors.git import GitAnchor


def anchors_of(texts: Sequence[str], origin: str) -> list[Anchor]:
    """Return the anchors of that name for the ledger ``origin``; nothing is opened yet.

    Raises:
        ValueError: as ``specs.require_specs``.
    """
    return [
        (DirectoryAnchor if kind == specs.DIRECTORY else GitAnchor)(path, origin)
        for kind, path in specs.require_specs(texts)
    ]

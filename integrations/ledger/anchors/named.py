"""The anchors that an operator has named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from integrations.ledger.anchors import specs
from integrations.ledger.anchors.anchor import Anchor
from integrations.ledger.anchors.directory import DirectoryAnchor
from integrations.ledger.anchors.git import GitAnchor


def anchors_of(texts: Sequence[str], origin: str) -> list[Anchor]:
    """Return the anchors of that name for the ledger ``origin``; nothing is opened yet.

    Raises:
        ValueError: as ``specs.require_specs``; or what one needs is not installed.
    """
    return [_anchor(kind, place, origin) for kind, place in specs.require_specs(texts)]


def _anchor(kind: str, place: str, origin: str) -> Anchor:
    if kind == specs.DIRECTORY:
        return DirectoryAnchor(Path(place), origin)
    if kind == specs.GIT:
        return GitAnchor(Path(place), origin)
    try:
        from integrations.ledger.anchors.s3 import S3Anchor  # noqa: PLC0415  # an extra
    except ImportError:
        raise ValueError(
            f"the anchor {kind}:{place} needs the extra s3: pip install 'mandate[s3]'"
        ) from None
    return S3Anchor(place, origin)

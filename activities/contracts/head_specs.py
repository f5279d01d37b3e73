"""What workflows may ask about artefacts: the heads of what people are to approve.

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from activities.contracts.specs import ActivitySpec
from dsl.core import Value
from dsl.limits import HEADS_MAX
from dsl.shown.heads import Head

ANSWER_BYTES_MAX: Final = 128 << 10  # every character escaped


class HeadsRequest(Value):
    """What do these artefacts begin with?"""

    digests: tuple[str, ...] = Field(max_length=HEADS_MAX)


class HeadsRead(Value):
    """The heads, by digest."""

    heads: dict[str, Head]


read_heads = ActivitySpec("gate.read", HeadsRequest, HeadsRead, answer_bytes_max=ANSWER_BYTES_MAX)

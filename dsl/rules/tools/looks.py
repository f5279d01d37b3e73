"""How long it is waited before the next look at calls, where the last ones found nothing. Pure.

Anybody who may write to the namespace can say that there is something to be looked at, and a look
stands in history. A few looks in vain are free: a message may come while it is being looked. From
then on each waits twice as long as the one before, so that whoever floods a stage delays its calls
by ``PAUSE_MS_MAX`` at most, and does not end it within hours.
"""

from __future__ import annotations

from typing import Final

LOOKS_IN_VAIN: Final = 20  # one after the other, that wait for nothing
PAUSE_MS_MAX: Final = 60_000
_FIRST_MS: Final = 500


def pause_before(in_vain: int) -> int:
    """Return for how many milliseconds the next look waits, after so many in vain."""
    beyond = in_vain - LOOKS_IN_VAIN
    if beyond < 0:
        return 0
    return min(_FIRST_MS << min(beyond, 20), PAUSE_MS_MAX)

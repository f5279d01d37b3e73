"""How a workflow ends that the engine means to end so: rejected, failed, timed out, refused.

Such an ending carries no stack trace: a trace stands for a bug, and only for that.
"""

from __future__ import annotations

from temporalio.exceptions import ApplicationError


class MeantError(ApplicationError):
    """An ending that is meant; final, and filed without the place in our code."""

"""How failures stand in a worker's log: a meant one is a line, a bug is a record with its trace.

The SDK logs each failed activity with the stack that raised it, under words that say nothing of
whose it was. Here its record is rewritten before any handler sees it:

1. An ending that is meant is one line: kind, run, stage, sentence.
2. A bug is an error with its whole trace, causes included, and without what looks like a token.
3. Records of any other failure are left alone: a worker may run workflows of other people.

Temporal's category ``BENIGN`` would keep the SDK quiet as well, and take the failure out of the
metrics that operators watch.
"""

from __future__ import annotations

import logging
import traceback
from typing import Final

from temporalio import activity

from activities.contracts.meant import WHERE, BugError, MeantError
from dsl.shown.foreign import legible
from integrations.redaction import redact_tokens

_LOGGERS: Final = ("temporalio.activity", "temporalio.workflow")
_LINE_MAX: Final = 2_000  # characters; a path, an id and a sentence have fewer
_TRACE_MAX: Final = 20_000  # characters; the end of it is where it was raised


class FailureLog(logging.Filter):
    """Rewrites records of failures; lets everything pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See base class."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, MeantError):  # (1) meant: one line
            _say(record, redact_tokens(f"{error.type}: {_where(record)}: {error.message}"))
        elif isinstance(error, BugError):  # (2) a bug: its whole trace
            _say(record, redact_tokens(f"bug: {_where(record)}: {error.message}"))
            record.levelno, record.levelname = logging.ERROR, logging.getLevelName(logging.ERROR)
            trace = "".join(traceback.format_exception(error.bug))
            record.exc_text = redact_tokens(trace[-_TRACE_MAX:])
        return True


_FAILURE_LOG: Final = FailureLog()


def install() -> None:
    """Rewrite records of failures in this process from now on; again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FAILURE_LOG)


def _say(record: logging.LogRecord, line: str) -> None:
    record.msg, record.args = legible(line, _LINE_MAX), ()
    record.exc_info = record.exc_text = None


def _where(record: logging.LogRecord) -> str:
    """Return the run and the stage; the id of an activity begins with the stage's path."""
    if not activity.in_activity():
        return str(getattr(record, WHERE, "a workflow"))
    info = activity.info()
    stage = info.activity_id.rpartition("/")[0]
    run = (info.workflow_id or "").removesuffix(f"/{stage}")
    tries = f" (try {info.attempt})" if info.attempt > 1 else ""
    return f"run {run}, {info.activity_id}{tries}"

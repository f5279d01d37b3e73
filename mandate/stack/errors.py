"""Why the embedded stack does not come up, as a person reads it."""

from __future__ import annotations

from mandate._entry import EXIT_FAILED, EXIT_USAGE


class StackError(Exception):
    """The stack cannot run; the message names what is in the way and the smallest fix."""

    exit_code = EXIT_FAILED


class SettingError(StackError):
    """An option or a variable of the caller is wrong: exit code 2."""

    exit_code = EXIT_USAGE

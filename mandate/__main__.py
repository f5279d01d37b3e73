"""The ``mandate`` command, also as ``python -m mandate``.

It makes our folders importable, then hands over to `mandate.cli`. Without the extra ``cli`` it
says which one is missing instead of a traceback.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from mandate._entry import EXIT_USAGE, run_main
from mandate._path import ForeignModuleError, claim


def main() -> None:
    """Run the command line and end the process with its exit code."""
    run_main(_command_line)


def _command_line() -> object:
    try:
        claim()
    except ForeignModuleError as error:
        print(f"mandate: {error}", file=sys.stderr)  # noqa: T201 - no door is claimed yet
        return EXIT_USAGE
    if find_spec("typer") is None:
        print(  # noqa: T201
            "mandate: the command line needs its extra: pip install 'mandate[cli,local]'",
            file=sys.stderr,
        )
        return EXIT_USAGE
    from mandate.cli import app  # noqa: PLC0415 - importable only with the extra, after the claim

    try:
        return app()
    except ValueError as error:  # of a variable that whichever command cannot use
        from integrations.settings import SettingsError  # noqa: PLC0415 - not before it is wanted
        from mandate.terminal import complain  # noqa: PLC0415 - likewise

        if not isinstance(error, SettingsError):
            raise
        complain(error, "mandate")
        return EXIT_USAGE


if __name__ == "__main__":
    main()

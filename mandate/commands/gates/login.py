"""``mandate login``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, end

_PASSWORD = typer.Option("--password-stdin", help="Read the password from standard input.")
_TOKEN = typer.Option("--token-stdin", help="Read a Vault token of yours from there instead.")


def command(
    name: Annotated[str, typer.Argument(help="Your name in Vault.")],
    password_stdin: Annotated[bool, _PASSWORD] = False,
    token_stdin: Annotated[bool, _TOKEN] = False,
    data_dir: DataDir = None,
) -> None:
    """Log in to Vault, so that your votes can be proven to be yours.

    The login is kept in MANDATE_HOME, by default ~/.local/state/mandate.
    """
    from mandate.work.gates.login import Given, run

    if password_stdin and token_stdin:
        raise typer.BadParameter("give one of --password-stdin and --token-stdin")
    given = Given.PASSWORD if password_stdin else Given.TYPED
    end(run(name, Given.TOKEN if token_stdin else given, data_dir=data_dir))

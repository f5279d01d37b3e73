"""The command line of people: what there is to type for who logs in, votes and vouches.

Kept beside ``mandate/cli.py``, of which it is a part: the commands stand at the top level.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mandate.cli_options import GATES, TRUST, AsJson, DataDir, Run, end

if TYPE_CHECKING:
    from mandate.people.gates.wishes import Wish

people_app = typer.Typer()

Gate = Annotated[str, typer.Argument(help="The gate, by path, or by name where that is unique.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask once more; for scripts.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
Answer = Annotated[str, typer.Option(help="What you answer, where an agent asks.")]
_PASSWORD = typer.Option("--password-stdin", help="Read the password from standard input.")
_TOKEN = typer.Option("--token-stdin", help="Read a Vault token of yours from there instead.")


class Decision(StrEnum):
    """What a voter says."""

    APPROVE = "approve"
    REJECT = "reject"


@people_app.command(rich_help_panel=GATES)
def login(
    name: Annotated[str, typer.Argument(help="Your name in Vault.")],
    password_stdin: Annotated[bool, _PASSWORD] = False,  # noqa: FBT002 - a flag
    token_stdin: Annotated[bool, _TOKEN] = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Log in to Vault, so that your votes can be proven to be yours.

    The login is kept in MANDATE_HOME, by default ~/.local/state/mandate.
    """
    from mandate.commands.operate import login as command  # noqa: PLC0415 - at need

    if password_stdin and token_stdin:
        raise typer.BadParameter("give one of --password-stdin and --token-stdin")
    given = command.Given.PASSWORD if password_stdin else command.Given.TYPED
    end(command.run(name, command.Given.TOKEN if token_stdin else given, data_dir=data_dir))


@people_app.command(rich_help_panel=GATES)
def logout(data_dir: DataDir = None) -> None:
    """End your login, in Vault and here."""
    from mandate.commands.operate import logout as command  # noqa: PLC0415 - at need

    end(command.run(data_dir))


@people_app.command(rich_help_panel=GATES)
def whoami(data_dir: DataDir = None) -> None:
    """Say who is logged in, and until when."""
    from mandate.commands.operate import login as command  # noqa: PLC0415 - at need

    end(command.who(data_dir))


@people_app.command(rich_help_panel=GATES)
def gates(
    run: Annotated[
        str | None, typer.Argument(help="The workflow id of the one run that is meant.")
    ] = None,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until somebody is asked; exit code 0 then.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long --wait waits; exit code 124 then.")
    ] = "1h",
    watch: Annotated[bool, typer.Option("--watch", help="Again on each change.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what waits for an answer, across all runs or at one, and how it is answered."""
    from mandate.commands.gates import gates as command  # noqa: PLC0415 - at need

    if wait and watch:
        raise typer.BadParameter("give one of --wait and --watch")
    wait_ms = _milliseconds(timeout) if wait else None
    end(command.run(run, wait_ms=wait_ms, watch=watch, as_json=as_json, data_dir=data_dir))


@people_app.command(rich_help_panel=GATES)
def approve(
    run: Run,
    gate: Gate,
    *,
    reason: Reason = "",
    answer: Answer = "",
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Approve at a gate, with proof; exit code 0 only when the vote counted."""
    wish = _wish(run, gate, Decision.APPROVE, _said(reason, answer))
    _answer(wish, yes=yes, as_json=as_json, data_dir=data_dir)


@people_app.command(rich_help_panel=GATES)
def reject(
    run: Run,
    gate: Gate,
    *,
    reason: Reason = "",
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Reject at a gate, with proof; exit code 0 only when the vote counted."""
    _answer(_wish(run, gate, Decision.REJECT, reason), yes=yes, as_json=as_json, data_dir=data_dir)


@people_app.command(rich_help_panel=GATES)
def sign(
    run: Run,
    gate: Gate,
    decision: Annotated[Decision, typer.Argument(help="What you say.")],
    *,
    reason: Reason = "",
    answer: Answer = "",
    data_dir: DataDir = None,
) -> None:
    """Print your vote with its proof, as input for the Temporal CLI or the Web UI."""
    from mandate.commands.gates import sign as command  # noqa: PLC0415 - at need

    end(command.run(_wish(run, gate, decision, _said(reason, answer)), data_dir=data_dir))


@people_app.command(rich_help_panel=TRUST)
def register(
    file: Annotated[Path, typer.Argument(help="A pipeline document.")],
    data_dir: DataDir = None,
) -> None:
    """Vouch for a pipeline, so that it may run under its own name."""
    from mandate.commands.trust import register as command  # noqa: PLC0415 - at need

    end(command.run(file, data_dir=data_dir))


def _milliseconds(duration: str) -> int:
    from dsl.values.durations import parse_duration  # noqa: PLC0415 - at need

    try:
        return parse_duration(duration)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None


def _said(reason: str, answer: str) -> str:
    """Return what a vote says: at a gate that asks a question, its reason is the answer."""
    if reason and answer:
        raise typer.BadParameter("give one of --reason and --answer")
    return answer or reason


def _wish(run: str, gate: str, decision: Decision, reason: str) -> Wish:
    from mandate.people.gates.wishes import Wish  # noqa: PLC0415 - at need

    return Wish(run, gate, decision.value, reason)


def _answer(wish: Wish, *, yes: bool, as_json: bool, data_dir: Path | None) -> None:
    from mandate.commands.gates import answer as command  # noqa: PLC0415 - at need

    end(command.run(wish, is_sure=yes, as_json=as_json, data_dir=data_dir))

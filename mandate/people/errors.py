"""Why something that a person asked for is not done, as one sentence.

A run, gate, agent, output or entry that was named and is not there is ``NotThereError``, by
whatever command: its sentence says what was looked for, where, and the smallest fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsl.limits import REASON_LENGTH_MAX
from dsl.shown.surfaces import Terminal
from dsl.values.agent_ids import refuse_agent_identity
from integrations.errors import NotFoundError
from mandate._entry import EXIT_FAILED, EXIT_TIMED_OUT, EXIT_USAGE

if TYPE_CHECKING:  # it takes long to load, and what asks no server loads this too
    from temporalio.client import Client


class RefusalError(Exception):
    """It is not done; the message says what was found and the smallest fix."""

    exit_code = EXIT_FAILED

    def __init__(self, template: str, /, *words: object, typed: str = "") -> None:
        """Say so by a template of ours and words of anybody, as ``Terminal.of`` does.

        Args:
            template: says what was found, for whoever looks by whatever door.
            words: that fill it.
            typed: how whoever types commands mends it, in words of ours; no other door says so.
        """
        self.sentence = Terminal.of(template, *words)
        told = (self.sentence, Terminal(typed))
        self.line = Terminal.joined("; ", [each for each in told if each])
        super().__init__(self.line)


class UsageError(RefusalError):
    """It was asked for wrongly, or by nobody who is logged in: exit code 2."""

    exit_code = EXIT_USAGE


class NotThereError(RefusalError):
    """What was named is not where it was looked for: exit code 2."""

    exit_code = EXIT_USAGE


class NotYetError(RefusalError):
    """What was waited for has not come in time, and may come yet: an exit code of its own."""

    exit_code = EXIT_TIMED_OUT


def exit_code_of(error: Exception) -> int:
    """Return the exit code of a command that ends by this error, whichever layer raised it."""
    if isinstance(error, NotFoundError):
        return EXIT_USAGE
    return int(getattr(error, "exit_code", EXIT_FAILED))


def no_run(
    client: Client, name: str, what: str = "run", see: str = "mandate runs"
) -> NotThereError:
    """Return what is said where Temporal knows no run, or ``what`` else, that is called so.

    Which server was asked is said at the command line alone, and which command lists them.
    """
    asked = (client.service_client.config.target_host, client.namespace, Terminal(see))
    return NotThereError(
        "there is no {} {!r}",
        *(what, name),
        typed=Terminal.of("Temporal at {} was asked, namespace {}; see: {}", *asked),
    )


def over(run: str, ended: str) -> RefusalError:
    """Return what is said to whoever would answer a run that has ended so."""
    see = Terminal.of("see: {}", Terminal.command("mandate show {}", run))
    return RefusalError("the run {!r} is {}: nobody is waited for there", run, ended, typed=see)


def no_agent(agent: str, likely: str = "") -> NotThereError:
    """Return what is said where Vault knows no agent of that id; ``likely`` may say which it is."""
    see = Terminal("see: mandate agents")
    return NotThereError(
        "vault knows no agent {!r}: nothing was changed",
        agent,
        typed=Terminal.of("{}; {}", likely, see) if likely else see,
    )


def words_of_cause(cause: BaseException | None) -> str:
    """Return what the server says went wrong, without the name that programs know it by."""
    return getattr(cause, "message", None) or str(cause)


def refuse_agent(agent: str) -> None:
    """Refuse what can be no agent's id, before anything is asked of a server.

    Raises:
        UsageError: it is none.
    """
    no_agent = refuse_agent_identity(agent)
    if no_agent is not None:
        raise UsageError("{}", no_agent)


def refuse_reason(reason: str) -> None:
    """Refuse what is no reason, where one has to be given, before anything is asked of a server.

    Raises:
        UsageError: it is empty, or too long.
    """
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX:
        raise UsageError("--reason: expected why, in at most {} characters", REASON_LENGTH_MAX)

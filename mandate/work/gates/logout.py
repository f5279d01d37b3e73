"""``mandate logout``: end the login in Vault, and forget it here.

It is forgotten also where Vault does not answer; then it says how long the token would live.
"""

from __future__ import annotations

from pathlib import Path

from dsl.shown.surfaces import Terminal
from integrations.errors import DeniedError, IntegrationError
from integrations.vault.people.person import Person
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter
from mandate.people.login.session import address_of, connect, kept
from mandate.stack import environment
from mandate.terminal import note, say
from mandate.work.gates.login import until


def run(data_dir: Path | None) -> int:
    """Log out; return the exit code."""
    return enter("logout", _log_out(data_dir))


async def _log_out(data_dir: Path | None) -> int:
    env = environment.present(data_dir)
    logins = kept()
    login = logins.get(address_of(env))
    if login is None:
        say(Terminal("nobody was logged in"))
        return 0
    vault = connect(env)
    failure: IntegrationError | None = None
    try:
        await Person(vault, login.token).log_out()
    except DeniedError:
        pass  # Vault no longer knows it, which is what was wanted
    except IntegrationError as error:
        failure = error
    finally:
        vault.close()
    logins.remove(address_of(env))
    if failure is not None:
        note(
            Terminal.of(
                "mandate logout: forgotten here, but not ended in Vault ({}): the token lives "
                "until {}",
                failure,
                until(login.expires),
            )
        )
        return EXIT_FAILED
    say(Terminal.of("{} is logged out", login.name))
    return 0

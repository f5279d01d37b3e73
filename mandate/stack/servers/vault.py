"""What the stack wants of its own OpenBao: initialised, our governance installed, roles filed.

The installer's token lives as long as it is renewed: at each start, and daily while we run.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from integrations.errors import DeniedError, IntegrationError
from mandate.stack.errors import StackError
from mandate.stack.process import Report
from mandate.stack.servers.openbao import OpenBao

RENEWAL_S = 24 * 3600.0


async def make_ready(bao: OpenBao, roles_dir: Path) -> None:
    """Initialise the server when it is new, and bring policies and roles up to date.

    Raises:
        StackError: it does not let us.
    """
    # Late: the client library costs a quarter of a second, which the servers' start hides.
    from integrations.vault.client import Vault  # noqa: PLC0415
    from integrations.vault.install import bootstrap, install, renew  # noqa: PLC0415

    vault = Vault(bao.url)
    try:
        token = await bao.initialise(lambda root: bootstrap(vault, root))
        try:
            await renew(vault, token)
        except DeniedError as error:
            raise StackError(
                f"openbao no longer knows the installer's token ({error}): it ends when the stack "
                "has not run for a month; start with a new --data-dir"
            ) from error
        await install(vault, token, roles_dir=roles_dir)
    except IntegrationError as error:
        raise StackError(f"openbao cannot be made ready: {error}") from error
    finally:
        vault.close()


async def keep_renewed(bao: OpenBao, report: Report) -> None:
    """Renew the installer's token daily until cancelled; a failure is told, and tried again."""
    from integrations.vault.client import Vault  # noqa: PLC0415
    from integrations.vault.install import renew  # noqa: PLC0415

    while True:
        await asyncio.sleep(RENEWAL_S)
        vault = Vault(bao.url)
        try:
            await renew(vault, bao.installer_token())
        except IntegrationError as error:
            report(f"the token of openbao's installer was not renewed: {error}")
        finally:
            vault.close()

"""The console put together: what it is made of, and all of its addresses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import Route
from temporalio.client import Client

from integrations.health.monitor import Monitor
from mandate import catalogue
from mandate.console.acting import Acting
from mandate.console.assets import asset_routes
from mandate.console.desk import Desk
from mandate.console.engine import TemporalEngine
from mandate.console.live import Live
from mandate.console.looking import Looking
from mandate.console.oidc import OidcLogins
from mandate.console.served_pages import ConsoleSite
from mandate.console.sessions import Sessions
from mandate.console.stores import SiteStores
from mandate.people.errors import UsageError
from mandate.people.login.session import connect


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a console stands on."""

    env: Mapping[str, str]
    client: Client
    monitor: Monitor
    data_dir: Path | None


def engine_of(grounds: Grounds) -> TemporalEngine:
    """Return how runs are reached."""
    return TemporalEngine(
        grounds.client, lambda name: catalogue.compile_named(name, grounds.data_dir)
    )


def console_of(
    grounds: Grounds, *, port: int, origins: Collection[str], is_open: bool
) -> ConsoleSite:
    """Return the console.

    Args:
        grounds: what it stands on.
        port: of its server.
        origins: of its own pages.
        is_open: who can ask may look.
    """
    known = catalogue.catalogue(grounds.data_dir)
    return ConsoleSite(
        engine=engine_of(grounds),
        desk=Desk(grounds.client, grounds.env),
        stores=SiteStores(grounds.env, grounds.monitor),
        sessions=Sessions(port, origins),
        live=Live(),
        names=lambda: sorted(each.name for each in known.entries()),
        compiled=known.load,
        is_open=is_open,
        oidc=_oidc_of(grounds.env),
    )


def _oidc_of(env: Mapping[str, str]) -> OidcLogins | None:
    mount = env.get("MANDATE_CONSOLE_OIDC", "")
    try:
        return OidcLogins(mount, lambda: connect(env)) if mount else None
    except ValueError as error:
        raise UsageError("{}", error) from None


def console_routes(console: ConsoleSite) -> list[Route]:
    """Return all addresses of its pages."""
    return [*Looking(console).routes(), *Acting(console).routes(), *asset_routes()]

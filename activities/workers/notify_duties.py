"""What the worker of ``mandate-notify`` does: it looks at runs, and tells people of them.

It has no ledger and no part in any run: what it may do is ask runs how they are, and post where the
operator's file says. It logs in at Vault where that file has secrets there, and reads no other. It
is there only where such a file is named.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from temporalio.client import Client

from activities.contracts.notify.specs import QUEUE_NOTIFY
from activities.notify.delivering import Delivering
from activities.notify.observing import Observing
from activities.workers.duties import Activity, Duties
from activities.workers.tuning import ACTIVITIES_MAX
from dsl.notify.site import NotifySite
from dsl.notify.site_file import SiteFile
from integrations.github.channel import GitHubChannel
from integrations.notify.channel import MessageChannel
from integrations.notify.links import NO_PAGES, SitePages
from integrations.notify.mail import MailChannel
from integrations.notify.secrets import SiteSecrets
from integrations.notify.webhook import WebhookChannel
from integrations.settings import Settings
from integrations.slack.channel import SlackChannel
from integrations.vault.site_secrets import NotifySecrets


class NotifyDuties(Duties):
    """Tells people of runs."""

    def __init__(self, settings: Settings) -> None:
        site = SiteFile(settings.notify)
        site.look()  # a file with mistakes is a refusal to start
        self._observing = Observing(ACTIVITIES_MAX[QUEUE_NOTIFY] * 9 // 10)
        pages = SitePages(settings.ui, settings.console)
        self._vault = NotifySecrets.of(settings)
        secrets = SiteSecrets(self._vault)
        self._delivering = Delivering(site, lambda site: channels_of(site, secrets, pages))

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        return (self._observing.observe, self._delivering.deliver)

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        try:
            await self._vault.begin()
            yield
        finally:
            await self._vault.aclose()


def channels_of(
    site: NotifySite, secrets: SiteSecrets, pages: SitePages = NO_PAGES
) -> dict[str, MessageChannel]:
    """Return every channel of a site, by the name that pipelines use."""
    found: dict[str, MessageChannel] = {
        name: WebhookChannel(name, each, secrets) for name, each in site.webhook.items()
    }
    for name, mail in site.email.items():
        found[name] = MailChannel(name, mail, secrets, pages=pages)
    slack, github = site.inbound.slack, site.inbound.github
    for name, channel in site.slack.items():
        has_door = slack is not None and slack.destination == name
        found[name] = SlackChannel(channel, secrets, pages=pages, has_door=has_door)
    for name, repositories in site.github.items():
        has_door = github is not None and github.destination == name
        starts = github.starts if github is not None and has_door else ()
        found[name] = GitHubChannel(
            repositories, secrets, pages=pages, has_door=has_door, starts=starts
        )
    return found

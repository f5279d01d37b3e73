"""``notify.deliver``: one message to one destination of the operator's file.

Whether it is there already, where this is not the first try, is for the channel to find out: the
service is asked, and nobody's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from temporalio import activity

from activities.contracts.notify.specs import Delivered, DeliverRequest, deliver
from activities.runtime.boundary import governed
from dsl.errors import DslError
from dsl.notify.site import NotifySite
from dsl.notify.site_file import SiteFile
from integrations.errors import DeniedError, NotFoundError
from integrations.notify.channel import MessageChannel


class Delivering:
    """Knows the channels of this site."""

    def __init__(
        self, file: SiteFile, channels_of: Callable[[NotifySite], Mapping[str, MessageChannel]]
    ) -> None:
        self._file = file
        self._channels_of = channels_of
        self._site: NotifySite | None = None
        self._channels: Mapping[str, MessageChannel] = {}

    @activity.defn(name=deliver.name)
    @governed
    async def deliver(self, request: DeliverRequest) -> Delivered:
        """Have the message be there; return what is to be known for the next."""
        channel = self._known().get(request.to)
        if channel is None:
            raise NotFoundError(
                f"there is no destination {request.to!r}: name it in the file of MANDATE_NOTIFY"
            )
        known = await channel.deliver(
            request.message.event,
            request.message.run,
            request.known,
            again=request.again or activity.info().attempt > 1,
        )
        return Delivered(known=known, has_board=channel.has_board)

    def _known(self) -> Mapping[str, MessageChannel]:
        try:
            site = self._file.look()
        except DslError as error:
            raise DeniedError(f"the file of MANDATE_NOTIFY has mistakes: {error}") from None
        if site is not self._site:
            self._site, self._channels = site, self._channels_of(site)
        return self._channels

"""The operator's file of destinations, people and doors: ``MANDATE_NOTIFY``.

1. A pipeline names a destination; where that is, and what opens it, stands here and nowhere else.
   Nothing that a run, an agent or a webhook says is ever an address.
2. What is secret lies in files or in Vault (``dsl.notify.secrets``), and is named here. The address
   of a webhook is one of these secrets: whoever knows it may post there.
3. People are named by the account's id at the service, never by a name that can be given up and
   taken by somebody else; and as Vault's entity, by its id, for the same reason.
4. A name is that of one destination, of whatever kind.
5. One deployment that waits starts one pipeline at most: the first of two to end would answer for
   both.
6. What an entry says of another event than its own is a mistake: nothing would go by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from dsl.document.settings_file import parse_settings
from dsl.errors import DslError, Problem
from dsl.limits import DESTINATIONS_MAX
from dsl.notify.destinations import (
    EmailDestination,
    GitHubDestination,
    SlackDestination,
    WebhookDestination,
)
from dsl.notify.doors import GitHubStart, InboundDoors, PeopleOfServices
from dsl.notify.secrets import HoldsSecrets
from dsl.stages.stage import Document
from dsl.values.names import NAME_PATTERN

NAMED_TWICE: Final = "DSL661"
NO_DESTINATION: Final = "DSL662"
UNSAFE_MAIL: Final = "DSL663"
TWO_ANSWERS: Final = "DSL664"
OF_ANOTHER_EVENT: Final = "DSL666"
MISPLACED: Final = "DSL623"

_Destination = Annotated[str, Field(pattern=NAME_PATTERN)]
Destination = SlackDestination | GitHubDestination | WebhookDestination | EmailDestination


class NotifySite(Document):
    """The whole file."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "slack": "Channels, by the names that pipelines use.",
        "github": "Repositories, likewise.",
        "webhook": "Other systems, likewise.",
        "email": "Mailboxes, likewise.",
        "people": "Who accounts are.",
        "inbound": "What comes in.",
    }

    slack: dict[_Destination, SlackDestination] = Field(
        default_factory=dict, max_length=DESTINATIONS_MAX
    )
    github: dict[_Destination, GitHubDestination] = Field(
        default_factory=dict, max_length=DESTINATIONS_MAX
    )
    webhook: dict[_Destination, WebhookDestination] = Field(
        default_factory=dict, max_length=DESTINATIONS_MAX
    )
    email: dict[_Destination, EmailDestination] = Field(
        default_factory=dict, max_length=DESTINATIONS_MAX
    )
    people: PeopleOfServices = PeopleOfServices()
    inbound: InboundDoors = InboundDoors()

    def destinations(self) -> dict[str, Destination]:
        """Return every destination by its name."""
        return {**self.slack, **self.github, **self.webhook, **self.email}

    def parts_with_secrets(self) -> Iterator[tuple[tuple[str, ...], HoldsSecrets]]:
        """Yield each part that names secrets, and where it stands."""
        for kind in ("slack", "github", "webhook", "email"):
            yield from (((kind, name), each) for name, each in getattr(self, kind).items())
        for kind, door in (("slack", self.inbound.slack), ("github", self.inbound.github)):
            if door is not None:
                yield ("inbound", kind), door

    def unknown(self, names: Mapping[str, object] | frozenset[str]) -> tuple[str, ...]:
        """Return which of these names are no destination."""
        return tuple(sorted(set(names) - set(self.destinations())))


def parse_site(content: str | bytes, source: str) -> NotifySite:
    """Return what ``content`` says, which messages call ``source``.

    Raises:
        DslError: with every mistake.
    """
    site, loaded = parse_settings(
        content, source, NotifySite, expected="slack, github, webhook, email, people, inbound"
    )
    problems = [
        Problem(code, message, loaded.marks.value(at)) for code, message, at in _mistakes(site)
    ]
    if problems:
        raise DslError(source, problems, loaded.text)
    return site


def _mistakes(site: NotifySite) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    kinds: dict[str, str] = {}
    for kind in ("slack", "github", "webhook", "email"):
        for name in getattr(site, kind):
            if name in kinds:  # (4) one destination
                why = f"{name!r} is a destination of {kinds[name]} already: give it another name"
                yield NAMED_TWICE, why, (kind, name)
            kinds[name] = kind
    doors = {"slack": site.inbound.slack, "github": site.inbound.github}
    for kind, door in doors.items():
        if door is not None and kinds.get(door.destination) != kind:
            why = f"{door.destination!r} is no destination of {kind}: name one that is"
            yield NO_DESTINATION, why, ("inbound", kind, "destination")
    yield from _mistakes_of_starts(site.inbound.github.starts if site.inbound.github else ())
    for name, mail in site.email.items():
        yield from _mistakes_of_mail(name, mail)
    yield from (
        (MISPLACED, why, at)
        for at, part in site.parts_with_secrets()
        for why in part.mistaken_secrets()
    )


def _mistakes_of_starts(
    starts: tuple[GitHubStart, ...],
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    for number, start in enumerate(starts):
        if any(start.is_beside(earlier) for earlier in starts[:number]):  # (5) one answer
            why = "one run answers for a deployment, and an entry above starts one: remove one"
            yield TWO_ANSWERS, why, ("inbound", "github", "starts", number)
        for field in start.void():  # (6) nothing would go by it
            why = f"{field} means nothing with on: {start.on}: remove it, or start by another event"
            yield OF_ANOTHER_EVENT, why, ("inbound", "github", "starts", number, field)


def _mistakes_of_mail(
    name: str, mail: EmailDestination
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    if (mail.user is None) != (mail.optional_secret("password") is None):
        why = "user and its password belong together: give both, or neither"
        yield UNSAFE_MAIL, why, ("email", name)
    if mail.tls == "none" and mail.host not in ("127.0.0.1", "localhost", "::1"):
        why = f"without TLS only on loopback, and {mail.host!r} is not: write starttls or tls"
        yield UNSAFE_MAIL, why, ("email", name, "tls")

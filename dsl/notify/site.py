"""The operator's file of destinations: ``MANDATE_NOTIFY``.

1. A pipeline names a destination; where that is, and what opens it, stands here and nowhere else.
   Nothing that a run, an agent or a webhook says is ever an address.
2. What is secret lies in files that are named here by absolute paths. The address of a webhook is
   one of these secrets: whoever knows it may post there.
3. A name is that of one destination, of whatever kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from dsl.document.settings_file import parse_settings
from dsl.errors import DslError, Problem
from dsl.limits import APPROVERS_MAX, DESTINATIONS_MAX
from dsl.stages.fields import Port
from dsl.stages.stage import Document
from dsl.values.names import NAME_PATTERN

NAMED_TWICE: Final = "DSL661"
UNSAFE_MAIL: Final = "DSL663"

SecretFile = Annotated[str, Field(pattern=r"^/[^\x00]{1,1023}$")]
_Destination = Annotated[str, Field(pattern=NAME_PATTERN)]
_Address = Annotated[str, Field(pattern=r"^[^@\s<>,;\x00-\x20\x7f]{1,64}@[A-Za-z0-9.-]{1,190}$")]
_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,253}$")]


class WebhookDestination(Document):
    """Any other system that takes a signed JSON document by HTTP."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "url_file": "Holds the address: https, or http on loopback.",
        "secret_file": "Holds the secret that requests are signed with.",
    }

    url_file: SecretFile
    secret_file: SecretFile


class EmailDestination(Document):
    """Mailboxes, by a server that relays for us."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "host": "The SMTP server.",
        "port": "Its port; default: 587.",
        "tls": "starttls, tls from the first byte, or none: on loopback only.",
        "from": "The sender's address.",
        "to": "Who gets it.",
        "user": "Who logs in there; default: nobody does.",
        "password_file": "Holds the password.",
    }

    host: _Host
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    from_: _Address = Field(alias="from")
    to: tuple[_Address, ...] = Field(min_length=1, max_length=APPROVERS_MAX)
    user: str | None = Field(default=None, min_length=1, max_length=256)
    password_file: SecretFile | None = None


Destination = WebhookDestination | EmailDestination


class NotifySite(Document):
    """The whole file."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "webhook": "Addresses of other systems, by the names that pipelines use.",
        "email": "Mailboxes, likewise.",
    }

    webhook: dict[_Destination, WebhookDestination] = Field(
        default_factory=dict, max_length=DESTINATIONS_MAX
    )
    email: dict[_Destination, EmailDestination] = Field(
        default_factory=dict, max_length=DESTINATIONS_MAX
    )

    def destinations(self) -> dict[str, Destination]:
        """Return every destination by its name."""
        return {**self.webhook, **self.email}

    def unknown(self, names: Mapping[str, object] | frozenset[str]) -> tuple[str, ...]:
        """Return which of these names are no destination."""
        return tuple(sorted(set(names) - set(self.destinations())))


def parse_site(content: str | bytes, source: str) -> NotifySite:
    """Return what ``content`` says, which messages call ``source``.

    Raises:
        DslError: with every mistake.
    """
    site, loaded = parse_settings(content, source, NotifySite, expected="webhook, email")
    problems = [
        Problem(code, message, loaded.marks.value(at)) for code, message, at in _mistakes(site)
    ]
    if problems:
        raise DslError(source, problems, loaded.text)
    return site


def _mistakes(site: NotifySite) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    kinds: dict[str, str] = {}
    for kind in ("webhook", "email"):
        for name in getattr(site, kind):
            if name in kinds:  # (3) one destination
                why = f"{name!r} is a destination of {kinds[name]} already: give it another name"
                yield NAMED_TWICE, why, (kind, name)
            kinds[name] = kind
    for name, mail in site.email.items():
        yield from _mistakes_of_mail(name, mail)


def _mistakes_of_mail(
    name: str, mail: EmailDestination
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    if (mail.user is None) != (mail.password_file is None):
        why = "user and password_file belong together: give both, or neither"
        yield UNSAFE_MAIL, why, ("email", name)
    if mail.tls == "none" and mail.host not in ("127.0.0.1", "localhost", "::1"):
        why = f"without TLS only on loopback, and {mail.host!r} is not: write starttls or tls"
        yield UNSAFE_MAIL, why, ("email", name, "tls")

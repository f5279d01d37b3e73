"""The operator's file of destinations, people and doors: ``MANDATE_NOTIFY``.

1. A pipeline names a destination; where that is, and what opens it, stands here and nowhere else.
   Nothing that a run, an agent or a webhook says is ever an address.
2. What is secret lies in files that are named here by absolute paths. The address of a webhook is
   one of these secrets: whoever knows it may post there.
3. People are named by the account's id at the service, never by a name that can be given up and
   taken by somebody else; and as Vault's entity, by its id, for the same reason.
4. A name is that of one destination, of whatever kind.
5. One deployment that waits starts one pipeline at most: the first of two to end would answer for
   both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from dsl.document.settings_file import parse_settings
from dsl.errors import DslError, Problem
from dsl.limits import ACCOUNTS_MAX, APPROVERS_MAX, DESTINATIONS_MAX
from dsl.rules.notify.subject import REPOSITORY_PATTERN
from dsl.rules.proofs.proof import ENTITY_PATTERN
from dsl.stages.fields import Name, Port
from dsl.stages.stage import Document
from dsl.values.names import NAME_PATTERN

NAMED_TWICE: Final = "DSL661"
NO_DESTINATION: Final = "DSL662"
UNSAFE_MAIL: Final = "DSL663"
TWO_ANSWERS: Final = "DSL664"

SecretFile = Annotated[str, Field(pattern=r"^/[^\x00]{1,1023}$")]
_Destination = Annotated[str, Field(pattern=NAME_PATTERN)]
_Entity = Annotated[str, Field(pattern=f"^{ENTITY_PATTERN}$")]
_Address = Annotated[str, Field(pattern=r"^[^@\s<>,;\x00-\x20\x7f]{1,64}@[A-Za-z0-9.-]{1,190}$")]
_Repository = Annotated[str, Field(pattern=f"^{REPOSITORY_PATTERN}$")]
_Environment = Annotated[str, Field(min_length=1, max_length=255)]
_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,253}$")]
# Loopback without TLS is for whoever puts a proxy or a test double there.
_Api = Annotated[
    str, Field(pattern=r"^(https://[A-Za-z0-9.:-]+|http://127\.0\.0\.1:\d+)(/[A-Za-z0-9./_-]*)?$")
]


class SlackDestination(Document):
    """A channel of Slack."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "channel": "The id of the channel, such as C024BE91L.",
        "token_file": "Holds the bot's token, xoxb-...",
        "api": "Where Slack's Web API is; for test doubles.",
    }

    channel: str = Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")
    token_file: SecretFile
    api: _Api = "https://slack.com/api"


class GitHubDestination(Document):
    """Repositories in which a GitHub App is installed."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "app": "The App's id or client id.",
        "installation": "The id of its installation.",
        "key_file": "Holds the App's private key, in PEM.",
        "repositories": "What it may write to; no other, whatever a run says.",
        "environments": "In which runs are shown as deployments, by their names; default: in none.",
        "api": "Where GitHub's API is; of an Enterprise Server: https://HOST/api/v3.",
    }

    app: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    installation: int = Field(ge=1)
    key_file: SecretFile
    repositories: tuple[_Repository, ...] = Field(min_length=1, max_length=DESTINATIONS_MAX)
    environments: tuple[_Environment, ...] = Field(default=(), max_length=DESTINATIONS_MAX)
    api: _Api = "https://api.github.com"


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


Destination = SlackDestination | GitHubDestination | WebhookDestination | EmailDestination


class PeopleOfServices(Document):
    """Who somebody's account is, in Vault (3)."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "slack": "Entity ids by member id (U024BE7LH).",
        "github": "Entity ids by account id: `gh api users/NAME --jq .id`.",
    }

    slack: dict[Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")], _Entity] = Field(
        default_factory=dict, max_length=ACCOUNTS_MAX
    )
    github: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")], _Entity] = Field(
        default_factory=dict, max_length=ACCOUNTS_MAX
    )


class SlackDoor(Document):
    """What comes in from Slack."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "destination": "The destination whose messages are answered.",
        "signing_secret_file": "Holds the signing secret, for requests by HTTP.",
        "app_token_file": "Holds the app-level token, xapp-..., for Socket Mode.",
    }

    destination: Name
    signing_secret_file: SecretFile | None = None
    app_token_file: SecretFile | None = None


class GitHubStart(Document):
    """A pipeline that an event starts."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "on": "pull_request: opened or pushed to. deployment: its protection rule is asked.",
        "repository": "Of which repository; default: of every one of the destination.",
        "environment": "Of which environment, of a deployment; default: of every one.",
        "pipeline": "The pipeline of the catalogue.",
        "forks": "Also for a pull request from a fork, which anybody can open; default: false.",
    }

    on: Literal["pull_request", "deployment"]
    repository: _Repository | None = None
    environment: _Environment | None = None
    pipeline: Name
    forks: bool = False

    def is_for(self, on: str, repository: str, environment: str = "") -> bool:
        """Tell whether that event of that repository starts it."""
        is_there = self.repository is None or self.repository.lower() == repository.lower()
        return self.on == on and is_there and self.environment in (None, environment)

    def is_beside(self, other: GitHubStart) -> bool:
        """Tell whether some one deployment starts both."""
        ours, theirs = (self.repository or "").lower(), (other.repository or "").lower()
        environments = {self.environment, other.environment}
        return (
            self.on == other.on == "deployment"
            and (not ours or not theirs or ours == theirs)
            and (len(environments) == 1 or None in environments)
        )


class GitHubDoor(Document):
    """What comes in from GitHub."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "destination": "The destination whose repositories are heard.",
        "secret_file": "Holds the webhook's secret.",
        "starts": "Which pipelines events start.",
    }

    destination: Name
    secret_file: SecretFile
    starts: tuple[GitHubStart, ...] = Field(default=(), max_length=DESTINATIONS_MAX)


class InboundDoors(Document):
    """What comes in; nothing does from where nothing is said."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "slack": "Clicks, by HTTP or Socket Mode.",
        "github": "Webhooks.",
    }

    slack: SlackDoor | None = None
    github: GitHubDoor | None = None


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


def _mistakes_of_starts(
    starts: tuple[GitHubStart, ...],
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    for number, start in enumerate(starts):
        if any(start.is_beside(earlier) for earlier in starts[:number]):  # (5) one answer
            why = "one run answers for a deployment, and an entry above starts one: remove one"
            yield TWO_ANSWERS, why, ("inbound", "github", "starts", number)


def _mistakes_of_mail(
    name: str, mail: EmailDestination
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    if (mail.user is None) != (mail.password_file is None):
        why = "user and password_file belong together: give both, or neither"
        yield UNSAFE_MAIL, why, ("email", name)
    if mail.tls == "none" and mail.host not in ("127.0.0.1", "localhost", "::1"):
        why = f"without TLS only on loopback, and {mail.host!r} is not: write starttls or tls"
        yield UNSAFE_MAIL, why, ("email", name, "tls")

"""Where messages go: channels, repositories, mailboxes, other systems, as operators write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dsl.limits import APPROVERS_MAX, DESTINATIONS_MAX
from dsl.notify.secrets import HoldsSecrets, SecretFile, VaultSecret
from dsl.rules.notify.subject import REPOSITORY_PATTERN
from dsl.stages.fields import Port

_Address = Annotated[str, Field(pattern=r"^[^@\s<>,;\x00-\x20\x7f]{1,64}@[A-Za-z0-9.-]{1,190}$")]
Repository = Annotated[str, Field(pattern=f"^{REPOSITORY_PATTERN}$")]
Environment = Annotated[str, Field(min_length=1, max_length=255)]
_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,253}$")]
# Loopback without TLS is for whoever puts a proxy or a test double there.
_Api = Annotated[
    str, Field(pattern=r"^(https://[A-Za-z0-9.:-]+|http://127\.0\.0\.1:\d+)(/[A-Za-z0-9./_-]*)?$")
]


class SlackDestination(HoldsSecrets):
    """A channel of Slack."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "channel": "The id of the channel, such as C024BE91L.",
        "token_file": "Holds the bot's token, xoxb-...",
        "token_vault": "Or where that stands in Vault: kv-notify/slack#token.",
        "api": "Where Slack's Web API is; for test doubles.",
    }

    SECRETS: ClassVar[tuple[str, ...]] = ("token",)

    channel: str = Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")
    token_file: SecretFile | None = None
    token_vault: VaultSecret | None = None
    api: _Api = "https://slack.com/api"


class GitHubDestination(HoldsSecrets):
    """Repositories in which a GitHub App is installed."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "app": "The App's id or client id.",
        "installation": "The id of its installation.",
        "key_file": "Holds the App's private key, in PEM.",
        "key_vault": "Or where that stands in Vault: kv-notify/github#key.",
        "repositories": "What it may write to; no other, whatever a run says.",
        "environments": "In which runs are shown as deployments, by their names; default: in none.",
        "api": "Where GitHub's API is; of an Enterprise Server: https://HOST/api/v3.",
    }

    SECRETS: ClassVar[tuple[str, ...]] = ("key",)

    app: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    installation: int = Field(ge=1)
    key_file: SecretFile | None = None
    key_vault: VaultSecret | None = None
    repositories: tuple[Repository, ...] = Field(min_length=1, max_length=DESTINATIONS_MAX)
    environments: tuple[Environment, ...] = Field(default=(), max_length=DESTINATIONS_MAX)
    api: _Api = "https://api.github.com"


class WebhookDestination(HoldsSecrets):
    """Any other system that takes a signed JSON document by HTTP."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "url_file": "Holds the address: https, or http on loopback.",
        "url_vault": "Or where that stands in Vault: kv-notify/audit#url.",
        "secret_file": "Holds the secret that requests are signed with.",
        "secret_vault": "Or where that stands in Vault.",
    }

    SECRETS: ClassVar[tuple[str, ...]] = ("url", "secret")

    url_file: SecretFile | None = None
    url_vault: VaultSecret | None = None
    secret_file: SecretFile | None = None
    secret_vault: VaultSecret | None = None


class EmailDestination(HoldsSecrets):
    """Mailboxes, by a server that relays for us."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "host": "The SMTP server.",
        "port": "Its port; default: 587.",
        "tls": "starttls, tls from the first byte, or none: on loopback only.",
        "from": "The sender's address.",
        "to": "Who gets it.",
        "user": "Who logs in there; default: nobody does.",
        "password_file": "Holds the password.",
        "password_vault": "Or where that stands in Vault: kv-notify/mail#password.",
    }

    OPTIONAL_SECRETS: ClassVar[tuple[str, ...]] = ("password",)

    host: _Host
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    from_: _Address = Field(alias="from")
    to: tuple[_Address, ...] = Field(min_length=1, max_length=APPROVERS_MAX)
    user: str | None = Field(default=None, min_length=1, max_length=256)
    password_file: SecretFile | None = None
    password_vault: VaultSecret | None = None

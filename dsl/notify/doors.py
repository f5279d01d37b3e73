"""What comes in from where people are, and who they are there, as an operator writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dsl.limits import ACCOUNTS_MAX, DESTINATIONS_MAX
from dsl.notify.destinations import Environment, Repository
from dsl.notify.secrets import HoldsSecrets, SecretFile, VaultSecret
from dsl.rules.proofs.proof import ENTITY_PATTERN
from dsl.stages.fields import Name
from dsl.stages.stage import Document

_Entity = Annotated[str, Field(pattern=f"^{ENTITY_PATTERN}$")]


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


class SlackDoor(HoldsSecrets):
    """What comes in from Slack."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "destination": "The destination whose messages are answered.",
        "signing_secret_file": "Holds the signing secret, for requests by HTTP.",
        "signing_secret_vault": "Or where that stands in Vault: kv-notify/slack#signing.",
        "app_token_file": "Holds the app-level token, xapp-..., for Socket Mode.",
        "app_token_vault": "Or where that stands in Vault: kv-notify/slack#app.",
    }

    OPTIONAL_SECRETS: ClassVar[tuple[str, ...]] = ("signing_secret", "app_token")

    destination: Name
    signing_secret_file: SecretFile | None = None
    signing_secret_vault: VaultSecret | None = None
    app_token_file: SecretFile | None = None
    app_token_vault: VaultSecret | None = None


class GitHubStart(Document):
    """A pipeline that an event starts."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "on": "pull_request: opened or pushed to. deployment: its protection rule is asked.",
        "repository": "Of which repository; default: of every one of the destination.",
        "environment": "Of which environment, of a deployment; default: of every one.",
        "pipeline": "The pipeline of the catalogue.",
        "forks": "Also for a pull request from a fork, which anybody can open; default: false.",
        "superseded": (
            "Whether a push to a pull request ends the run of the commit before it (cancel), or "
            "leaves it (keep, the default)."
        ),
    }

    on: Literal["pull_request", "deployment"]
    repository: Repository | None = None
    environment: Environment | None = None
    pipeline: Name
    forks: bool = False
    superseded: Literal["keep", "cancel"] = "keep"

    def is_for(self, on: str, repository: str, environment: str = "") -> bool:
        """Tell whether that event of that repository starts it."""
        is_there = self.repository is None or self.repository.lower() == repository.lower()
        return self.on == on and is_there and self.environment in (None, environment)

    def void(self) -> tuple[str, ...]:
        """Return the fields that say something of the other event, where nothing goes by them."""
        if self.on == "deployment":
            of_pulls = {"forks": self.forks, "superseded": self.superseded == "cancel"}
            return tuple(name for name, is_said in of_pulls.items() if is_said)
        return () if self.environment is None else ("environment",)

    def is_beside(self, other: GitHubStart) -> bool:
        """Tell whether some one deployment starts both."""
        ours, theirs = (self.repository or "").lower(), (other.repository or "").lower()
        environments = {self.environment, other.environment}
        return (
            self.on == other.on == "deployment"
            and (not ours or not theirs or ours == theirs)
            and (len(environments) == 1 or None in environments)
        )


class GitHubDoor(HoldsSecrets):
    """What comes in from GitHub."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "destination": "The destination whose repositories are heard.",
        "secret_file": "Holds the webhook's secret.",
        "secret_vault": "Or where that stands in Vault: kv-notify/github#webhook.",
        "starts": "Which pipelines events start.",
    }

    SECRETS: ClassVar[tuple[str, ...]] = ("secret",)

    destination: Name
    secret_file: SecretFile | None = None
    secret_vault: VaultSecret | None = None
    starts: tuple[GitHubStart, ...] = Field(default=(), max_length=DESTINATIONS_MAX)


class InboundDoors(Document):
    """What comes in; nothing does from where nothing is said."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "slack": "Clicks, by HTTP or Socket Mode.",
        "github": "Webhooks.",
    }

    slack: SlackDoor | None = None
    github: GitHubDoor | None = None

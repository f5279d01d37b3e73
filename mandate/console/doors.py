"""The doors of services where people are: what comes in from GitHub and Slack, and their votes.

1. Which there are stands in the operator's file, ``MANDATE_NOTIFY``, read when the server starts. A
   system that is not set up there has no hook, and what is sent there finds nothing.
2. Nobody votes through a door whose word the ledger's worker cannot check: it takes the same key,
   ``MANDATE_DOOR_KEY_FILE``, on both sides. Without one there are no ballots.
3. A delivery is taken (2xx) when what it asks for is done: a run is started, a vote is with its
   run, a dialog is open. A process that dies before that leaves one that the service shows as
   failed, and that may come again, as the same deed (docs/adr/0055). So may one of which nothing
   has come, once somebody has mended why. Who has asked is told when the answer is on its way.
4. What became of a delivery stands in the log as well.
5. Secrets by which a service proves itself are needed to begin, and can be replaced after that; see
   ``integrations.web.signatures``.
6. Who people are is read in the file at each vote. What else it says is read at the start.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from dsl.errors import DslError
from dsl.notify.doors import GitHubDoor
from dsl.notify.secrets import SecretPlace
from dsl.notify.site import NotifySite
from dsl.notify.site_file import SiteFile
from dsl.shown.surfaces import Terminal
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.doors.ballots import Ballots, People
from integrations.doors.key import door_key_of
from integrations.doors.payloads import UnreadableError
from integrations.doors.telling import Taken, until_told
from integrations.errors import DeniedError, UnavailableError
from integrations.github.api import GitHubApi
from integrations.github.events import GitHubEvents
from integrations.notify.secrets import SiteSecrets
from integrations.settings import read_settings
from integrations.slack.api import SlackApi
from integrations.slack.clicks import SlackClicks, payload_of
from integrations.vault.site_secrets import NotifySecrets
from integrations.web.answers import AWAY, OK, HookAnswer
from integrations.web.engine import RunEngine
from integrations.web.hooks import HOOK_BYTES_MAX, Hook, Received, Verify
from integrations.web.signatures import HmacSignature, ReplacedSignature
from mandate.people.errors import UsageError

logger = logging.getLogger(__name__)

GITHUB_PATH: Final = "/hooks/github"
SLACK_PATH: Final = "/hooks/slack"
GITHUB_WAITS_S: Final = 9.5  # ten, less the way
SLACK_WAITS_S: Final = 2.7  # three
GIVEN_S: Final = 0.4  # before that a vote is given, or whoever gives it told that it is not


class Doors:
    """The doors of one site."""

    def __init__(self, env: Mapping[str, str], engine: RunEngine) -> None:
        """Read which there are (1).

        Raises:
            DslError: the file has mistakes.
        """
        file = env.get("MANDATE_NOTIFY")
        self._file = SiteFile(Path(file) if file else None)
        self._site: NotifySite = self._file.look()
        self._engine = engine
        key = env.get("MANDATE_DOOR_KEY_FILE")
        self._key = door_key_of(Path(key) if key else None)
        # Where no file is named nobody is told: the role is not ours, and may be another's to take.
        self._vault = _vault_of(env) if file and env.get("VAULT_ADDR") else None
        self._secrets = SiteSecrets(self._vault)

    async def hooks(self) -> tuple[Hook, ...]:
        """Return where these services tell us something.

        Raises:
            IntegrationError: a secret cannot be read, or is none.
        """
        if self._vault is not None:
            await self._vault.begin()
        inbound = self._site.inbound
        found = [await self._github(inbound.github)] if inbound.github is not None else []
        signing = inbound.slack.optional_secret("signing_secret") if inbound.slack else None
        if signing is not None:
            found.append(await self._slack(signing))
        return tuple(found)

    @asynccontextmanager
    async def sockets(self) -> AsyncIterator[None]:
        """Hear Slack by its socket meanwhile, where that is set up; end the login at Vault then."""
        try:
            async with self._slack_socket():
                yield
        finally:
            if self._vault is not None:
                await self._vault.aclose()

    @asynccontextmanager
    async def _slack_socket(self) -> AsyncIterator[None]:
        door = self._site.inbound.slack
        place = None if door is None else door.optional_secret("app_token")
        if door is None or place is None:
            yield
            return
        # Here: who has no socket needs no client for one.
        from integrations.slack.socket_mode import listening  # noqa: PLC0415

        async def read() -> str:
            return await self._secrets.read(place, fresh=True)

        api = self._site.slack[door.destination].api
        async with listening(api, read, self._clicks().take, SLACK_WAITS_S):
            yield

    async def _github(self, door: GitHubDoor) -> Hook:
        api = GitHubApi(self._site.github[door.destination], self._secrets)
        ballots = self._ballots(lambda: self._now().people.github)
        events = GitHubEvents(api, door, self._engine, ballots, GITHUB_WAITS_S - GIVEN_S)

        async def handle(received: Received) -> HookAnswer:
            event = received.headers.get("x-github-event", "")[:100]
            payload = _json(received.raw)
            taken = await events.take(event, payload, delivery=received.delivery)
            return _answer("github", taken, HookAnswer())

        verify = await self._verify(door.secret("secret"), _of_github)
        return Hook(
            GITHUB_PATH, verify, handle, delivery="x-github-delivery", within_s=GITHUB_WAITS_S
        )

    async def _slack(self, place: SecretPlace) -> Hook:
        clicks = self._clicks()

        async def handle(received: Received) -> HookAnswer:
            taken = await clicks.take(payload_of(received.raw))
            return _answer("slack", taken, HookAnswer(OK, {}))

        verify = await self._verify(place, _of_slack)
        return Hook(SLACK_PATH, verify, handle, within_s=SLACK_WAITS_S)

    async def _verify(self, place: SecretPlace, signed: Callable[[str], HmacSignature]) -> Verify:
        """Return what verifies by the secret there, which is read now and anew (5)."""

        async def read() -> HmacSignature:
            return signed(await self._secrets.read(place, fresh=True))

        return ReplacedSignature(await read(), read).verify

    def _clicks(self) -> SlackClicks:
        door = self._site.inbound.slack
        assert door is not None  # noqa: S101  # whoever asks has looked
        ballots = self._ballots(lambda: self._now().people.slack)
        if ballots is None:
            raise DeniedError(
                "inbound.slack takes votes, and nobody could check them: name the same file in "
                "MANDATE_DOOR_KEY_FILE here and for the worker of mandate-ledger"
            )
        api = SlackApi(self._site.slack[door.destination], self._secrets)
        return SlackClicks(api, ballots, SLACK_WAITS_S - GIVEN_S)

    def _now(self) -> NotifySite:
        """Return what the file says now: who has left votes no more (6).

        Raises:
            UnavailableError: it has mistakes; what came may come again when they are mended.
        """
        try:
            return self._file.look()
        except DslError as error:
            logger.warning("nobody votes from elsewhere: %s", Terminal.of("{}", error))
            raise UnavailableError(
                "the file of MANDATE_NOTIFY has mistakes: an operator has to mend it"
            ) from None

    def _ballots(self, people: People) -> Ballots | None:
        # (2) nobody votes by a word that cannot be checked
        return None if self._key is None else Ballots(self._engine, people, self._key)


def doors_of(env: Mapping[str, str], engine: RunEngine) -> Doors:
    """Return the doors that the environment sets up.

    Raises:
        UsageError: the file has mistakes.
    """
    try:
        return Doors(env, engine)
    except DslError as error:
        raise UsageError("MANDATE_NOTIFY: {}", error) from None


def _vault_of(env: Mapping[str, str]) -> NotifySecrets:
    return NotifySecrets.of(read_settings(env))


def _answer(who: str, taken: Taken, done: HookAnswer) -> HookAnswer:
    """Return what a service is answered (3), and tell whoever has asked."""
    logger.info("%s: %s", who, Terminal.of("{}", taken.done))  # (4) it is said
    tell = taken.tell
    later = None if tell is None else (lambda: until_told(tell))
    if taken.is_undone:
        return HookAnswer(AWAY, {"error": taken.done}, later)
    return replace(done, later=later, again=not taken.is_settled)


def _of_github(secret: str) -> HmacSignature:
    return _signed(secret, "x-hub-signature-256", "sha256=")


def _of_slack(secret: str) -> HmacSignature:
    stamp = "x-slack-request-timestamp"
    return _signed(secret, "x-slack-signature", "v0=", stamp=stamp, base="v0:{}:")


def _signed(
    secret: str, header: str, prefix: str, *, stamp: str = "", base: str = "{}"
) -> HmacSignature:
    try:
        return HmacSignature(secret.encode(), header, prefix, stamp, base)
    except ValueError as error:
        raise DeniedError(str(error)) from None


def _json(raw: bytes) -> dict[str, object]:
    try:
        payload = strict_json.read(raw, bytes_max=HOOK_BYTES_MAX)
    except JsonError as error:
        raise UnreadableError(f"the body cannot be read: {error}") from None
    if not isinstance(payload, dict):
        raise UnreadableError("expected a JSON object")
    return payload

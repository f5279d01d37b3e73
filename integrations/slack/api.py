"""The calls of Slack's Web API that are made here, and what its refusals mean.

1. Requests go to the operator's address with the operator's token. No address comes from a payload.
2. Slack says no with 200 and ``"ok": false``. What passes (its own trouble) may be tried again;
   everything else is a refusal, with the line that mends it where there is one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from dsl.notify.destinations import SlackDestination
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.errors import DeniedError, UnavailableError
from integrations.notify.http import ANSWER_MAX, ask, require_taken
from integrations.notify.secrets import FILES, SiteSecrets

GONE: Final = ("message_not_found", "cant_update_message", "edit_window_closed")
_PASSES: Final = ("internal_error", "fatal_error", "service_unavailable", "request_timeout")
_VALID: Final = "put a valid bot token where its destination names it"
_ANEW: Final = "install the app again, and put its new token where its destination names it"
_MENDED: Final = {
    "channel_not_found": "is the channel's id right, and the app in it?",
    "not_in_channel": "invite the app into the channel",
    "is_archived": "the channel is archived: name another",
    "invalid_auth": _VALID,
    "not_authed": _VALID,
    "token_revoked": _ANEW,
    "account_inactive": _ANEW,
    "missing_scope": "give the app chat:write and channels:history, and install it again",
}


class SlackRefusedError(DeniedError):
    """Slack says no; ``code`` is its word for why."""

    def __init__(self, code: str) -> None:
        fix = _MENDED.get(code, "")
        super().__init__(f"slack answers {code[:80]!r}{f': {fix}' if fix else ''}")
        self.code = code


class SlackApi:
    """One app in one workspace."""

    def __init__(self, destination: SlackDestination, secrets: SiteSecrets = FILES) -> None:
        self._destination = destination
        self._secrets = secrets

    @property
    def channel(self) -> str:
        """The channel that is written to."""
        return self._destination.channel

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Return what Slack answers.

        Raises:
            SlackRefusedError: it says no (2).
            RateLimitedError: it says when to come back.
            UnavailableError: it does not answer.
        """
        token = await self._secrets.read(self._destination.secret("token"))
        return await asyncio.to_thread(self._call, method, arguments, token)

    def _call(self, method: str, arguments: Mapping[str, Any], token: str) -> dict[str, Any]:
        answer = ask(
            "POST",
            f"{self._destination.api}/{method}",
            who="slack",
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json; charset=utf-8",
            },
            body=json.dumps(arguments).encode(),
        )
        require_taken(answer, "slack")
        try:
            said = strict_json.read(answer.body, bytes_max=ANSWER_MAX)
        except JsonError:
            raise UnavailableError("slack answers something else than JSON") from None
        if not isinstance(said, dict):
            raise UnavailableError("slack answers something else than an object")
        if said.get("ok") is not True:
            code = str(said.get("error", ""))
            if code in _PASSES:
                raise UnavailableError(f"slack answers {code!r}")
            raise SlackRefusedError(code)
        return said

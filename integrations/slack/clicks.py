"""What comes in from Slack: clicks on a gate's buttons, and the dialog that asks why.

1. Who has sent it was found out before: by the signature over the raw body, or by Slack's socket.
2. Nothing in a payload is an address. What is said to somebody goes to our channel at our API, for
   that person alone.
3. A click that needs a reason opens the dialog; its answer is one vote with it. Rejecting always
   asks why.
4. A payload of another kind, or that is none, does nothing and is said to be.
5. At most ``TELLS_AT_ONCE`` are told at a time: while Slack answers nobody, what else this process
   does has threads left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from dsl.rules.gates.consensus import SLACK
from dsl.shown.surfaces import SlackText
from dsl.values import strict_json
from dsl.values.canonical import canonical
from dsl.values.strict_json import JsonError
from integrations.doors.ballots import Ballots, Given, in_time, taken
from integrations.doors.payloads import UnreadableError, object_of, text_of
from integrations.doors.telling import Taken
from integrations.slack.api import SlackApi
from integrations.slack.board import APPROVE, REJECT, reason_dialog

PAYLOAD_MAX: Final = 256 << 10
TELLS_AT_ONCE: Final = 2
_DECISIONS: Final = {APPROVE: "approve", REJECT: "reject"}


@dataclass(frozen=True, slots=True)
class Click:
    """What somebody has pressed."""

    user: str
    decision: str
    run: str
    run_id: str
    gate: str
    opening: int
    subject: str
    needs_reason: bool
    trigger: str
    delivery: str


def payload_of(raw: bytes) -> dict[str, Any]:
    """Return the payload of a request by HTTP.

    Raises:
        UnreadableError: there is none.
    """
    try:
        form = parse_qs(raw.decode("utf-8"), strict_parsing=True, max_num_fields=10)
        [text] = form["payload"]
        return object_of(strict_json.read(text.encode(), bytes_max=PAYLOAD_MAX))
    except (UnicodeDecodeError, ValueError, KeyError, JsonError):
        raise UnreadableError("expected a form with one payload in JSON") from None


class SlackClicks:
    """Takes clicks to runs."""

    def __init__(self, api: SlackApi, ballots: Ballots, within_s: float) -> None:
        """Tell people by ``api``; a vote is given ``within_s``, or said not to be."""
        self._api = api
        self._ballots = ballots
        self._within_s = within_s
        self._turn = asyncio.Semaphore(TELLS_AT_ONCE)

    async def take(self, payload: Mapping[str, Any]) -> Taken:
        """Do what a payload asks for; return what was done, and what is still to be told of it.

        Raises:
            IntegrationError: nothing was done, and why.
        """
        if payload.get("type") == "view_submission":
            return await self._submitted(payload)
        if payload.get("type") != "block_actions":
            raise UnreadableError("expected block_actions or view_submission")  # (4) it is said
        click = _click(payload)
        if click.needs_reason or click.decision == "reject":  # (3) say why
            await self._ask_why(click)
            return Taken("asked why", is_settled=True)
        return await self._cast(click, "")

    async def _ask_why(self, click: Click) -> None:
        shown = {"w": click.run, "i": click.run_id, "g": click.gate, "s": click.subject}
        metadata = canonical({**shown, "o": click.opening, "d": click.decision})
        view = reason_dialog(click.decision, metadata, click.gate)
        await self._api.call("views.open", trigger_id=click.trigger, view=view)

    async def _submitted(self, payload: Mapping[str, Any]) -> Taken:
        view = object_of(payload.get("view"))
        if view.get("callback_id") != "mandate-reason":
            raise UnreadableError("expected a dialog of ours")
        said = _value(view.get("private_metadata"))
        values = object_of(object_of(object_of(view.get("state")).get("values")).get("why"))
        reason = object_of(values.get("reason")).get("value")
        click = Click(
            user=text_of(object_of(payload.get("user")).get("id")),
            decision=text_of(said.get("d")),
            run=text_of(said.get("w"), 1_000),
            run_id=text_of(said.get("i")),
            gate=text_of(said.get("g"), 1_000),
            opening=_number(said.get("o")),
            subject=text_of(said.get("s")),
            needs_reason=False,
            trigger="",
            delivery=text_of(view.get("id")),
        )
        return await self._cast(click, reason if isinstance(reason, str) else "")

    async def _cast(self, click: Click, reason: str) -> Taken:
        given = Given(
            door=SLACK,
            account=click.user,
            run=click.run,
            gate=click.gate,
            decision=click.decision,
            reason=reason,
            delivery=click.delivery,
            run_id=click.run_id,
            opening=click.opening,
            subject=click.subject,
        )
        told = await in_time(self._ballots.cast(given), self._within_s)
        mark = SlackText(":white_check_mark:") if told.counted else SlackText(":warning:")

        async def tell() -> None:
            async with self._turn:  # (5) of so many
                await self._api.call(  # (2) to our channel, for that person alone
                    "chat.postEphemeral",
                    channel=self._api.channel,
                    user=click.user,
                    text=SlackText.of("{} {}", mark, told.text, limit=1_000),
                )

        return taken(told, tell)


def _click(payload: Mapping[str, Any]) -> Click:
    actions = payload.get("actions")
    action = object_of(actions[0] if isinstance(actions, list) and actions else None)
    decision = _DECISIONS.get(text_of(action.get("action_id")))
    if decision is None:
        raise UnreadableError("expected a button of ours")
    value = _value(action.get("value"))
    return Click(
        user=text_of(object_of(payload.get("user")).get("id")),
        decision=decision,
        run=text_of(value.get("w"), 1_000),
        run_id=text_of(value.get("i")),
        gate=text_of(value.get("g"), 1_000),
        opening=_number(value.get("o")),
        subject=text_of(value.get("s")),
        needs_reason=value.get("r") is True,
        trigger=text_of(payload.get("trigger_id")),
        delivery=text_of(action.get("action_ts")),
    )


def _value(text: Any) -> dict[str, Any]:
    try:
        return object_of(strict_json.read(text_of(text, 4_000).encode(), bytes_max=PAYLOAD_MAX))
    except (JsonError, UnicodeEncodeError):
        raise UnreadableError("expected a button or a dialog of ours") from None


def _number(value: Any) -> int:
    return value if type(value) is int else -1

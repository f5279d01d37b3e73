"""A channel of Slack: one message for each run, edited as its board, and a thread below it.

1. What asks for somebody is shown in the channel as well as in the thread.
2. A message carries the id of its happening as metadata. A try that is not the first looks for it
   before it writes: Slack is asked, and nobody's memory.
3. A message that somebody has deleted is written anew, once: a try after the first looks for it.
4. A gate that waits for nobody any more loses its buttons, whether or not that is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dsl.notify.destinations import SlackDestination
from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import RunSnapshot
from dsl.shown.surfaces import SlackText
from dsl.steps.notify import Happening
from integrations.notify.channel import kept_id
from integrations.notify.links import NO_PAGES, SitePages
from integrations.notify.secrets import FILES, SiteSecrets
from integrations.slack.api import GONE, SlackApi, SlackRefusedError
from integrations.slack.board import (
    board_blocks,
    closed_blocks,
    decided_blocks,
    gate_blocks,
    happened,
)

BOARD: Final = "board"
GATES_KEPT: Final = 18
PAGE: Final = 100
PAGES_MAX: Final = 5
_ASKING: Final = (Happening.GATE_OPENED, Happening.GATE_ESCALATED, Happening.GATE_REMINDER)


class SlackChannel:
    """One channel."""

    has_board = True

    def __init__(
        self,
        destination: SlackDestination,
        secrets: SiteSecrets = FILES,
        *,
        pages: SitePages = NO_PAGES,
        has_door: bool,
    ) -> None:
        """Write there; ``has_door``: whether clicks come back."""
        self._api = SlackApi(destination, secrets)
        self._pages = pages
        self._has_door = has_door

    async def deliver(
        self, event: Event | None, run: RunSnapshot, known: Mapping[str, str], *, again: bool
    ) -> dict[str, str]:
        """See ``MessageChannel``."""
        link = self._pages.run(run)
        kept = dict(known)
        kept[BOARD] = await self._board(run, kept.get(BOARD), link, again=again)
        await self._close(run, kept, link)
        if event is None:
            return kept
        name = f"{event.kind}:{event.id}"
        ts = await self._find(name, kept[BOARD]) if again else None  # (2) it may be there
        if ts is None:
            ts = await self._post(
                name,
                text=happened(event, run),
                thread_ts=kept[BOARD],
                reply_broadcast=event.kind in _ASKING,  # (1) seen in the channel as well
                **self._blocks(event, run),
            )
        if event.gate is not None and event.kind is not Happening.GATE_REMINDER:
            kept[_gate_key(event.gate.path, event.gate.opening)] = ts
        return _newest(kept)

    def _blocks(self, event: Event, run: RunSnapshot) -> dict[str, Any]:
        if event.gate is None or event.kind is Happening.GATE_REMINDER:
            return {}
        return {"blocks": gate_blocks(event.gate, run, self._pages, has_door=self._has_door)}

    async def _board(self, run: RunSnapshot, ts: str | None, link: str, *, again: bool) -> str:
        blocks, text = board_blocks(run, link), SlackText.of("Run of {}", run.pipeline)
        name = f"board:{run.workflow}:{run.run}"
        if ts is not None and await self._edit(ts, text, blocks):
            return ts
        found = await self._find(name, None) if again else None  # (2) it may be there
        if found is not None and await self._edit(found, text, blocks):
            return found
        return await self._post(name, text=text, blocks=blocks)

    async def _close(self, run: RunSnapshot, kept: dict[str, str], link: str) -> None:
        """Take the buttons from what waits for nobody any more (4)."""
        open_now = {_gate_key(each.path, each.opening) for each in run.gates}
        decided = {_gate_key(each.path, each.opening): each for each in run.decided}
        for name in [each for each in kept if each != BOARD and each not in open_now]:
            if name in decided:
                blocks = decided_blocks(decided[name], run, link)
            elif run.more_gates:  # it may be one of those that are only counted
                continue
            else:
                blocks = closed_blocks(run, link)
            text = SlackText.of("A gate of {}", run.pipeline)
            await self._edit(kept.pop(name), text, blocks)

    async def _edit(self, ts: str, text: SlackText, blocks: list[dict[str, Any]]) -> bool:
        """Return whether the message was still there (3)."""
        try:
            await self._api.call(
                "chat.update", channel=self._api.channel, ts=ts, text=text, blocks=blocks
            )
        except SlackRefusedError as error:
            if error.code in GONE:
                return False
            raise
        return True

    async def _post(self, name: str, **fields: Any) -> str:
        metadata = {"event_type": "mandate", "event_payload": {"id": kept_id(name)}}
        posted = await self._api.call(
            "chat.postMessage",
            channel=self._api.channel,
            metadata=metadata,
            unfurl_links=False,
            **fields,
        )
        return str(posted.get("ts", ""))

    async def _find(self, name: str, thread: str | None) -> str | None:
        """Return the message of that id, in the channel or in a thread; None: it is not there."""
        method = "conversations.history" if thread is None else "conversations.replies"
        where = {} if thread is None else {"ts": thread}
        cursor = ""
        for _ in range(PAGES_MAX):
            found = await self._api.call(
                method,
                channel=self._api.channel,
                include_all_metadata=True,
                limit=PAGE,
                **where,
                **({"cursor": cursor} if cursor else {}),
            )
            for message in found.get("messages") or ():
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("id") == kept_id(name):
                    return str(message.get("ts", ""))
            cursor = str((found.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None
        return None


def _gate_key(path: str, opening: int) -> str:
    return f"gate-{kept_id(f'{path}#{opening}')}"


def _newest(kept: dict[str, str]) -> dict[str, str]:
    """Return the board and the gates that were opened last."""
    gates = [name for name in kept if name != BOARD][-GATES_KEPT:]
    return {name: kept[name] for name in (BOARD, *gates)}

"""One effect happens once: whoever records the intent first has it, whichever run or agent asks.

Decided where the ledger is written, in the one append that records the intent: two intents cannot
both have the key of a claim. The rules:

1. An intent that names an effect claims it, by an entry of its own beside it, under a key made of
   the effect. Where that stands already, nothing is claimed, and the answer says where.
2. A call that was not made lets go of its claim, and only the run that has it can. The next claim
   has the next number.
3. Asked again, the same occurrence has what it had: a repeated attempt claims nothing twice.
4. Intents of one record are taken in their order: what an earlier one claims, a later one finds.
5. What a run records in the stead of a stage is of that stage.
6. From T3 on the effect of an intent is the one that its operator declares, made here of the
   arguments that are recorded. What says another, or none, is not recorded; nor are arguments that
   people would read as others than those. Arguments that are too large for an entry stand there as
   their digest, and then it is as was said.
7. Who would ask people about a call may ask before whether somebody has its effect. That claims
   nothing, and decides nothing: the intent does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from activities.contracts.messages import EntryDraft
from dsl import actions
from dsl.core import Tier
from dsl.limits import EFFECT_CLAIMS_MAX
from dsl.rules.tools.calls import CallRefusedError, ToolCall
from dsl.rules.tools.effects import effect_of
from dsl.rules.tools.kept import (
    ARGUMENTS,
    EXACTLY,
    are_digested,
    arguments_kept,
    reads_as,
)
from dsl.rules.trust.scorecard import OF_STAGE
from dsl.tools.folders import ToolFolders
from dsl.values.canonical import digest_of
from integrations.errors import DeniedError, UnavailableError
from integrations.ledger.entries import Draft, Entry, Receipt, entry_key
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.ledger import Ledger

_TRIES_MAX: Final = 20  # so often somebody else may be first


def is_named_by_its_operator(entry: EntryDraft) -> bool:
    """Tell whether an entry is an intent whose effect nobody else says (6)."""
    return entry.action == actions.TOOL_INTENDED and entry.tier >= Tier.T3


def refuse_said_effect(entry: EntryDraft, folders: ToolFolders) -> str | None:
    """Say why such an intent may not be recorded with the effect that it says (6)."""
    server, _, tool = str(entry.payload.get("call", "")).partition("/")
    file = folders.named(server).files.get(server)
    if file is None:
        return f"tool server {server!r} is not declared where the ledger is written: MANDATE_TOOLS"
    declared, arguments = file.server.known_of(tool).effect, arguments_kept(entry.payload)
    if arguments is None:
        what = "arguments that can be read, or their digest where they are too large"
        return None if are_digested(entry.payload) else f"an intent at T3 says {what}"
    if not reads_as(entry.payload.get(ARGUMENTS), arguments):
        return f"{ARGUMENTS} of the call are not as {EXACTLY} has them: say both alike"
    effect = ""
    if declared is not None:
        try:
            effect = effect_of(ToolCall(server=server, tool=tool, arguments=arguments), declared)
        except CallRefusedError as error:
            return str(error)
    said = entry.payload.get("effect", "")
    return None if said == effect else f"the effect of the call is {effect!r}, and not {said!r}"


async def append_claiming(
    ledger: Ledger, namespace: str, drafts: Sequence[Draft]
) -> tuple[tuple[Receipt, ...], dict[str, int]]:
    """Append ``drafts`` with the claims they make; return which effects are taken, and where.

    Raises:
        DeniedError: an effect was claimed too often.
        UnavailableError: others were first again and again; nothing was recorded.
        IntegrationError: as ``Ledger.append``.
    """
    for _ in range(_TRIES_MAX):
        beside: dict[str, Draft] = {}  # by key
        taken: dict[str, Draft | Entry] = {}
        for draft in drafts:
            if draft.action == actions.TOOL_INTENDED and _effect(draft, "effect"):
                held = await _claim(ledger, namespace, draft, beside)
                if held is not None:  # (1) somebody has it
                    taken[_effect(draft, "effect")] = held
            elif draft.action in (actions.TOOL_ANSWERED, actions.TOOL_SETTLED):
                await _free(ledger, namespace, draft, beside)
        try:
            receipts = await ledger.append([*drafts, *beside.values()])
        except IdempotencyMismatchError:
            if not beside:
                raise
            continue  # somebody was first: look again
        places = dict(zip(beside, receipts[len(drafts) :], strict=True))
        return receipts[: len(drafts)], {
            effect: held.seq if isinstance(held, Entry) else places[held.key].seq
            for effect, held in taken.items()
        }
    raise UnavailableError("others claim the same effect again and again: try again")


async def holder_of(ledger: Ledger, namespace: str, effect: str | None) -> int | None:
    """Return the entry that has ``effect``; None: nobody has it now (7)."""
    wanted = effect or ""
    async for number, held in _claims(ledger, namespace, wanted, {}):
        if isinstance(held, Entry) and not await _is_free(ledger, namespace, wanted, number, {}):
            return held.seq
    return None


async def _claims(
    ledger: Ledger, namespace: str, effect: str, beside: Mapping[str, Draft]
) -> AsyncIterator[tuple[int, Draft | Entry | None]]:
    """Yield who has claimed ``effect``, one after the other; last nobody, where one more may."""
    for number in range(EFFECT_CLAIMS_MAX if effect else 0):
        key = _key(actions.TOOL_EFFECT, namespace, effect, number)
        held = beside.get(key) or await ledger.by_key(key)  # (4) in their order
        yield number, held
        if held is None:
            return


async def _is_free(
    ledger: Ledger, namespace: str, effect: str, number: int, beside: Mapping[str, Draft]
) -> bool:
    """Tell whether that claim was let go of."""
    key = _key(actions.TOOL_FREED, namespace, effect, number)
    return key in beside or await ledger.by_key(key) is not None


async def _claim(
    ledger: Ledger, namespace: str, draft: Draft, beside: dict[str, Draft]
) -> Draft | Entry | None:
    """Add the claim of an intent to ``beside``; return who has the effect instead."""
    effect = _effect(draft, "effect")
    async for number, held in _claims(ledger, namespace, effect, beside):
        if held is None or _is_of(held, draft):  # (3) what it had
            key = _key(actions.TOOL_EFFECT, namespace, effect, number)
            beside[key] = _beside(key, actions.TOOL_EFFECT, draft, effect, number)
            return None
        if not await _is_free(ledger, namespace, effect, number, beside):
            return held
    raise DeniedError(f"effect {effect!r} was claimed {EFFECT_CLAIMS_MAX} times")


async def _free(ledger: Ledger, namespace: str, draft: Draft, beside: dict[str, Draft]) -> None:
    """Add that a claim is let go of (2)."""
    effect = _effect(draft, "frees")
    async for number, held in _claims(ledger, namespace, effect, beside):
        if held is not None and _is_of(held, draft):
            key = _key(actions.TOOL_FREED, namespace, effect, number)
            beside[key] = _beside(key, actions.TOOL_FREED, draft, effect, number)
            return


def _beside(key: str, action: str, draft: Draft, effect: str, number: int) -> Draft:
    payload = {
        "effect": effect,
        "occurrence": draft.payload.get("occurrence"),
        "claim": number,
        **({OF_STAGE: draft.payload[OF_STAGE]} if OF_STAGE in draft.payload else {}),
    }
    return Draft(key, draft.workflow_id, draft.run_id, draft.agent, draft.tier, action, payload)


def _is_of(held: Draft | Entry, draft: Draft) -> bool:
    """Tell whether a claim is of that occurrence, of that stage (3)."""
    return _whose(held) == _whose(draft)


def _whose(said: Draft | Entry) -> tuple[Any, Any, Any]:
    """Return workflow, run and occurrence; who has recorded it has vouched for its stage (5)."""
    of = said.payload.get(OF_STAGE)
    occurrence = said.payload.get("occurrence")
    if isinstance(of, Mapping):
        return of.get("workflow"), of.get("run"), occurrence
    return said.workflow_id, said.run_id, occurrence


def _effect(draft: Draft, name: str) -> str:
    value: Any = draft.payload.get(name)
    return value if isinstance(value, str) else ""


def _key(action: str, namespace: str, effect: str, number: int) -> str:
    return entry_key(action, namespace, digest_of(effect), str(number))

"""Do history and ledger agree? What a history implies must be on the ledger, and the reverse.

A pure rule over both, which believes neither. The rules:

1. Missing: an entry that ``implied`` demands is not there, not in its place, or says something
   else.
2. Unexplained: an entry of a run whose history is at hand, that no activity of that history can
   have made. An activity that was asked for and has not answered may have made its entry all the
   same.
3. Out of order: an effect stands before its intent. Of calls of tools, and what became of them:
   see ``dsl.rules.reconciliation.tool_calls``.
4. Entries of runs whose history is not at hand are nobody's here: neither missing nor unexplained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from dsl import actions
from dsl.rules.reconciliation.discrepancy import Discrepancy
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.implied import (
    CALL,
    LEASE_GRANTED,
    LEASE_LATE,
    RECORD,
    Implied,
    drafts_of,
    implied,
    keys_of,
    records_of,
    unintended,
)
from dsl.rules.reconciliation.recorded import Recorded
from dsl.rules.reconciliation.stage_history import AGENT
from dsl.rules.reconciliation.tool_calls import unsaid_calls
from dsl.rules.trust.scorecard import OF_STAGE
from dsl.values.canonical import canonical

# What besides ``ledger.record`` makes entries, and which (2).
_MAKES: Final[Mapping[str, frozenset[str]]] = {
    RECORD: frozenset({actions.TOOL_EFFECT, actions.TOOL_FREED}),
    CALL: frozenset({actions.TOOL_EFFECT}),
    "ledger.prove": frozenset(
        {
            actions.VOTE_PROVEN,
            actions.VOTE_VOUCHED,
            actions.START_PROVEN,
            actions.REBIND_PROVEN,
            actions.CIRCUIT_PROVEN,
            actions.REVIEW_PROVEN,
            actions.PROOF_REFUSED,
            "plan.registered",
        }
    ),
    "ledger.revoke": frozenset(
        {actions.AGENT_REVOKED, actions.PROOF_REFUSED, actions.TRUST_REFUSED}
    ),
    "ledger.evidence": frozenset({actions.TRUST_ASKED, actions.TRUST_REFUSED}),
    "ledger.grant": frozenset({actions.TRUST_GRANTED, actions.TRUST_REFUSED}),
    "ledger.rebind": frozenset(
        {actions.TRUST_GRANTED, actions.TRUST_REFUSED, actions.REBIND_PROVEN, actions.PROOF_REFUSED}
    ),
    "ledger.resume": frozenset({actions.RUN_RESUMED}),
    "ledger.reuse": frozenset({actions.STAGE_REUSED}),
    "ledger.close": frozenset({actions.RUN_ENDED, actions.AGENT_ENDED}),
}


def reconcile(
    histories: Sequence[History], entries: Sequence[Recorded], namespace: str
) -> Iterator[Discrepancy]:
    """Yield every place at which the ledger and these histories do not agree."""
    ledger = _Indexed(entries)
    runs = _runs_of_stages(histories)
    for history in histories:
        run = runs.get((history.workflow_id, history.run_id))
        for each in implied(history, namespace, run):
            yield from _missing(each, ledger)
        # (3) an intent before, what came of it after
        yield from unsaid_calls(history, ledger.of_run(history.workflow_id, history.run_id), run)
        for early in unintended(history):  # (3) an effect before its intent
            yield Discrepancy(
                f"the intent of try {early.attempt} to be acknowledged before EXECUTE",
                "no acknowledged record that says so before it",
                f"{early.workflow_id}, run {early.run_id}, event {early.event}",
            )
    yield from _unexplained(histories, entries, namespace)


class _Indexed:
    """A ledger, looked up by key, by place and by whose it is."""

    def __init__(self, entries: Iterable[Recorded]) -> None:
        self.by_key: dict[str, Recorded] = {}
        self.by_seq: dict[int, Recorded] = {}
        self._of: dict[tuple[str, str, str], list[Recorded]] = {}
        self._of_run: dict[tuple[str, str], list[Recorded]] = {}
        for entry in entries:
            self._of_run.setdefault((entry.workflow_id, entry.run_id), []).append(entry)
            self.by_key[entry.key] = entry
            self.by_seq[entry.seq] = entry
            for whose in _whose(entry):
                self._of.setdefault((*whose, entry.action), []).append(entry)

    def of_run(self, workflow_id: str, run_id: str) -> Sequence[Recorded]:
        """Return the entries that a run has made itself, in order."""
        return self._of_run.get((workflow_id, run_id), ())

    def of(self, workflow_id: str, run_id: str, action: str) -> list[Recorded]:
        """Return the entries about a run, its own or those that its run has made for it."""
        late = LEASE_LATE if action == LEASE_GRANTED else action
        names = dict.fromkeys((action, late))
        return [each for name in names for each in self._of.get((workflow_id, run_id, name), ())]


def _whose(entry: Recorded) -> Iterator[tuple[str, str]]:
    yield entry.workflow_id, entry.run_id
    of = entry.payload.get(OF_STAGE)
    if isinstance(of, Mapping):
        yield str(of.get("workflow")), str(of.get("run"))


def _missing(each: Implied, ledger: _Indexed) -> Iterator[Discrepancy]:
    expected = f"{each.action} on the ledger, since {each.because}"
    found = _candidates(each, ledger)
    if not found:
        yield Discrepancy(expected, "no such entry", each.where)
    elif not any(_says(entry, each) for entry in found):
        entry = found[0]
        said = f"entry {entry.seq}: {entry.action} of {entry.agent}, which says something else"
        yield Discrepancy(expected, said, each.where)


def _candidates(each: Implied, ledger: _Indexed) -> list[Recorded]:
    if each.keys:
        return [ledger.by_key[key] for key in each.keys if key in ledger.by_key]
    if each.seq >= 0:
        return [ledger.by_seq[each.seq]] if each.seq in ledger.by_seq else []
    return [entry for run in each.runs for entry in ledger.of(each.workflow_id, run, each.action)]


def _says(entry: Recorded, each: Implied) -> bool:
    whose = {(each.workflow_id, run) for run in each.runs}
    if not whose & set(_whose(entry)):
        return False
    names = {each.action, LEASE_LATE} if each.action == LEASE_GRANTED else {each.action}
    if entry.action not in names or each.agent not in ("", entry.agent):
        return False
    if each.tier not in ("", entry.tier):
        return False
    if each.is_all:
        return _same(entry.payload, each.says)
    return all(_same(entry.payload.get(name), value) for name, value in each.says.items())


def _same(one: Any, other: Any) -> bool:
    try:
        return canonical(one) == canonical(other)
    except ValueError:  # what the ledger can hold has a canonical form
        return False


def _unexplained(
    histories: Sequence[History], entries: Iterable[Recorded], namespace: str
) -> Iterator[Discrepancy]:
    """Yield the entries of these runs that nothing in their histories can have made (2)."""
    at_hand = {(history.workflow_id, history.run_id) for history in histories}
    drafted = {
        key: draft
        for history in histories
        for call in records_of(history)
        for number, draft in enumerate(drafts_of(call))
        for key in keys_of(history, call, number, namespace)
    }
    makes = {
        (history.workflow_id, run, action)
        for history in histories
        for call in history.activities
        for run in history.runs_since(call.run_id)
        for action in _MAKES.get(call.type, ())
    }
    for entry in entries:
        run = (entry.workflow_id, entry.run_id)
        if run not in at_hand:  # (4) nobody's here
            continue
        draft = drafted.get(entry.key)
        if draft is None and (*run, entry.action) not in makes:
            found = f"{entry.action}, which none of its activities can have made"
        elif draft is not None and not _is_drafted(entry, draft):
            found = f"{entry.action}, and the record under its key says something else"
        else:
            continue
        expected = f"every entry of {entry.workflow_id} to be made by its history"
        yield Discrepancy(expected, found, f"entry {entry.seq}, run {entry.run_id}")


def _is_drafted(entry: Recorded, draft: Mapping[str, Any]) -> bool:
    same = (entry.action, entry.agent) == (draft.get("action"), draft.get("agent"))
    return same and _same(entry.payload, draft.get("payload") or {})


def _runs_of_stages(histories: Iterable[History]) -> dict[tuple[str, str], History]:
    """Return, by the run of each stage, the run that has started it."""
    by_run = {(history.workflow_id, history.run_id): history for history in histories}
    for history in [*by_run.values()]:
        for before in history.runs:  # it holds what those have started
            by_run.setdefault((history.workflow_id, before), history)
    found = {}
    for history in by_run.values():
        parent = by_run.get(history.parent) if history.type == AGENT else None
        if parent is not None:
            found[history.workflow_id, history.run_id] = parent
    return found

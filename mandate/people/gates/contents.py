"""What outputs say, read in the artefact store by the command that shows it.

1. A run is not trusted to be one of ours, so where this machine reaches the store, heads are read
   and hashed here. Only what is not found here is shown as the run's worker has read it, and that
   is said.
2. The store is looked for where MANDATE_ARTIFACTS says. None is made where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dsl.limits import HEADS_MAX
from dsl.review.decision import CouncilRuling
from dsl.shown.heads import HEADED_RANK_MAX, HeadState, rank
from dsl.shown.surfaces import Terminal
from integrations.artifacts.heads import read_head
from integrations.artifacts.store import Artifacts
from integrations.errors import IntegrationError
from integrations.settings import read_settings
from mandate.people.errors import RefusalError
from mandate.people.gates.rows import GateRow, HeadRow, OutputRow

WHOLE: Final = "mandate artifact show {} {}"
BRIEF_OUTPUTS_MAX: Final = 3
BRIEF_LINES_MAX: Final = 3
DECISIONS_MAX: Final = 5  # of a council, that are shown one by one


@dataclass(frozen=True, slots=True)
class Contents:
    """Heads by digest, and where they are from."""

    heads: Mapping[str, HeadRow] = field(default_factory=dict)
    where: str = ""  # the store that was read; empty: none can be
    why: str = ""  # it cannot


def store(env: Mapping[str, str]) -> Artifacts:
    """Return the artefact store, if this machine reaches it (2).

    Raises:
        RefusalError: it does not.
    """
    root = _root(env)
    if not root.is_dir():
        raise RefusalError(
            "there is no artefact store at {} on this machine: set MANDATE_ARTIFACTS to where the "
            "workers keep it, or ask on a machine of theirs",
            root,
        )
    try:
        return Artifacts(root)
    except IntegrationError as error:
        raise RefusalError("the artefact store at {} cannot be read: {}", root, error) from None


def read_contents(env: Mapping[str, str], row: GateRow) -> Contents:
    """Read the heads of what a gate approves, here (1); it blocks on the disk."""
    try:
        artifacts = store(env)
    except RefusalError as error:
        return Contents(why=str(error))
    try:
        heads = {
            each.digest: HeadRow.model_validate(read_head(artifacts, each.digest).model_dump())
            for each in headed(row)
        }
    except IntegrationError as error:
        return Contents(why=str(error))
    return Contents(heads, str(_root(env)))


def headed(row: GateRow) -> list[OutputRow]:
    """Return the outputs of which a head is shown, the most telling first."""
    ranked = sorted(row.outputs, key=lambda each: rank(each.phase, each.name))
    return [each for each in ranked if rank(each.phase, each.name) <= HEADED_RANK_MAX][:HEADS_MAX]


def output_lines(run: str, row: GateRow, contents: Contents | None = None) -> Iterator[Terminal]:
    """Yield every output with its digest, its kind and size, and the head of those that tell."""
    contents = contents or Contents()
    described = {(each.stage, each.name): each for each in row.outputs}
    telling = headed(row)
    rest = [
        (stage, name, digest)
        for stage, outputs in sorted(row.subject.items())
        for name, digest in sorted(outputs.items())
        if described.get((stage, name)) not in telling
    ]
    for each in telling:
        head = best_head(contents.heads.get(each.digest), each.head)
        yield _named(each, head)
        yield from _head_lines(run, each, head)
    for stage, name, digest in rest:
        output = described.get((stage, name))
        if output is None:
            yield Terminal.of("output   {}: {}  {}", stage, name, digest)
        else:
            yield _named(output, None)
    if telling:
        yield _origin(contents, telling)


def brief_lines(row: GateRow) -> Iterator[Terminal]:
    """Yield the most telling outputs, the first lines of each, and how many more there are."""
    telling = headed(row)[:BRIEF_OUTPUTS_MAX]
    for each in telling:
        yield _named(each, each.head)
        if each.head is not None:
            yield from Terminal.excerpt(each.head.lines[:BRIEF_LINES_MAX])
    more = sum(map(len, row.subject.values())) - len(telling)
    if telling and more:
        yield Terminal.of("         and {} more", more)


def council_lines(row: GateRow) -> Iterator[Terminal]:
    """Yield what members have decided, and of what they have left to people the first."""
    if not row.decisions:
        return
    yield Terminal.of("council  {}", row.advice)
    left = [each for each in row.decisions if each.ruling == CouncilRuling.HUMAN]
    for each in left[:DECISIONS_MAX]:
        yield Terminal.of("  {} is left to people by {}: {}", each.suggestion, each.rule, each.why)
    if len(left) > DECISIONS_MAX:
        yield Terminal.of("  and {} more: --json shows them", len(left) - DECISIONS_MAX)


def best_head(here: HeadRow | None, told: HeadRow | None) -> HeadRow | None:
    """Return what was read here, or where there is nothing, what the run tells (1)."""
    if here is None or (here.state == HeadState.GONE and told is not None):
        return told
    return here


def _named(output: OutputRow, head: HeadRow | None) -> Terminal:
    size = output.size if head is None or head.size is None else head.size
    return Terminal.of(
        "output   {}: {}  {}, {:,} bytes  {}",
        *(output.stage, output.name, output.media_type, size, output.digest),
    )


def _head_lines(run: str, output: OutputRow, head: HeadRow | None) -> Iterator[Terminal]:
    if head is None:
        return
    if head.state != HeadState.TEXT:
        yield Terminal.of("  {}", head.state)
        return
    yield from Terminal.excerpt(head.lines)
    if head.is_cut:
        whole = Terminal.command(WHOLE, f"{run}/{output.stage}", output.name)
        yield Terminal.of("  the whole: {}", whole)


def _origin(contents: Contents, telling: list[OutputRow]) -> Terminal:
    found = [
        contents.heads[each.digest].state != HeadState.GONE
        for each in telling
        if each.digest in contents.heads
    ]
    told = sum(each.head is not None for each in telling)
    if contents.where and all(found):
        return Terminal.of("heads    read here in {}, each by its hash", contents.where)
    if contents.where:
        return Terminal.of(
            "heads    {} of {} are in {}, read by their hash; the others are as the run tells them",
            *(sum(found), len(telling), contents.where),
        )
    what = Terminal("as the run tells them") if told else Terminal("not known")
    return Terminal.of("heads    {}; {}", what, contents.why) if contents.why else what


def _root(env: Mapping[str, str]) -> Path:
    return read_settings(env).artifacts.absolute()

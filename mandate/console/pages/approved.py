"""What a vote at a gate is bound to, and what outputs say: all of it stands on the gate's page.

1. What outputs say is text, whatever it says it is. JSON on one line is laid out, and nothing of it
   is left out: see ``dsl.shown.laid_out``.
2. What an agent has put out stands first, and its answer behind that. What the engine tells of a
   stage is folded, and so is a report beside what the agent has put out; unless it is all there is
   of that stage. Of what the run does not describe nobody knows that it is so: it is not folded.
3. A clarified plan is shown against the plan as it was written.
"""

from __future__ import annotations

import json
from typing import Any, Final

from dsl.plan import AgentStep, Plan, walk
from dsl.rules.gates.gate_rules import NO_OUTPUT
from dsl.rules.health.clarification import scope_of
from dsl.shown.heads import ANSWER, HEADED_RANK_MAX, KEPT, OWN, HeadState, rank
from dsl.shown.laid_out import laid_out
from dsl.shown.markup import described, table
from dsl.shown.surfaces import Html
from mandate.console.pages.frame import address, href, link
from mandate.console.pages.moments import cell_digest, small_digest
from mandate.people.gates.contents import Contents, best_head, headed
from mandate.people.gates.rows import NONE, GateRow, HeadRow, OutputRow

VALUE_MAX: Final = 2_000  # characters of an input
_BARE: Final = ("true", "false", "null", "yes", "no")  # strings that would be taken for none

_Named = tuple[str, str, str, OutputRow | None]  # stage, name, digest, and how it is described


def bound_part(row: GateRow, plan: Plan) -> Html:
    """Return all that a vote is bound to, without what outputs say."""
    rows = [
        *(
            (Html.of("<bdi>{}</bdi>", name), _value(value))
            for name, value in sorted(row.run_inputs.items())
        ),
        (
            Html("plan"),
            Html.of("<bdi>{} {}</bdi> {}", plan.name, plan.version, small_digest(row.plan)),
        ),
        (Html("inputs"), small_digest(row.inputs)),
        (Html("outputs"), small_digest(row.subject_digest)),
        (Html("opening"), Html.of("{}", row.opening)),
    ]
    if not row.subject:
        rows.append((Html("binds"), Html.of("{}", NO_OUTPUT)))
    if row.vault.state != NONE:
        rows.append((Html("vault"), Html.of("{} <bdi>{}</bdi>", row.vault.state, row.vault.detail)))
    for each in row.vault.requests:
        words = (each.place, each.stage, each.agent)
        rows.append((Html("to be read"), Html.of("<bdi>{}</bdi> by {} ({})", *words)))
    return Html.of('<div class="card">{}</div>', described(rows))


def _value(value: Any) -> Html:
    """Return an input as it is: a text without quotes, unless it could be taken for none."""
    is_plain = isinstance(value, str) and _is_plain(value)
    text = value if is_plain else json.dumps(value, ensure_ascii=False)
    return Html.of("<bdi>{}</bdi>", Html.of("{}", text, limit=VALUE_MAX))


def _is_plain(text: str) -> bool:
    if not text or text != text.strip() or text.lower() in _BARE:
        return False
    return text[0] not in '{["' and not text.lstrip("+-.").replace(".", "", 1)[:1].isdigit()


def clarified_part(row: GateRow, plan: Plan) -> Html:
    """Return a clarified plan against the one that was written (3)."""
    found = row.clarification
    if found is None:
        return Html()
    steps = [step for step in walk(plan.steps) if isinstance(step, AgentStep)]
    written = next((scope_of(step) for step in steps if step.path == found.stage), ())
    gone = [each for each in written if each not in found.plan.scope]
    lines = [
        *(Html.of("<li><ins>{}</ins> what went wrong</li>", each) for each in found.plan.reasons),
        *(Html.of("<li><ins>{}</ins> constraint</li>", each) for each in found.plan.constraints),
        *(Html.of("<li>{} may still be touched</li>", each) for each in found.plan.scope),
        *(Html.of("<li><del>{}</del> may be touched no more</li>", each) for each in gone),
    ]
    return Html.of(
        '<section><h2>The plan of <bdi>{}</bdi>, clarified</h2><div class="card">'
        '<p class="quiet">Clarification {}, beside the plan as it was written.</p>'
        '<ul class="diff">{}</ul></div></section>',
        *(found.stage, found.number, Html.joined("", lines)),
    )


def outputs_part(run: str, row: GateRow, contents: Contents) -> Html:
    """Return what outputs say, the agent's own first (2)."""
    telling = headed(row)
    own = {each.stage for each in telling if _rank(each) == OWN}
    first = [each for each in telling if _rank(each) <= ANSWER or each.stage not in own]
    open_names, folded_names = _others(row, telling)
    parts = [*(_output(run, each, contents) for each in first), _names(run, open_names)]
    folded = [
        *(_output(run, each, contents) for each in telling if each not in first),
        _names(run, folded_names),
    ]
    if any(folded):
        parts.append(
            Html.of(
                '<details class="card"><summary>{}</summary>{}</details>',
                *(KEPT, Html.joined("", folded)),
            )
        )
    if not any(parts):
        return Html()
    return Html.of("<section><h2>What was put out</h2>{}</section>", Html.joined("", parts))


def _rank(output: OutputRow) -> int:
    return rank(output.phase, output.name)


def _output(run: str, output: OutputRow, contents: Contents) -> Html:
    head = best_head(contents.heads.get(output.digest), output.head)
    whole = href("/output", run=run, stage=output.stage, name=output.name)
    size = output.size if head is None or head.size is None else head.size
    return Html.of(
        '<article class="gate"><h3>{} <span class="quiet">of</span> <bdi>{}</bdi></h3>'
        '<p class="quiet"><bdi>{}</bdi>, {:,} bytes<br>{}</p>{}</article>',
        *(
            link(whole, output.name),
            output.stage,
            output.media_type,
            size,
            small_digest(output.digest),
        ),
        _head(head, whole, output.media_type),
    )


def _head(head: HeadRow | None, whole: str, media_type: str) -> Html:
    if head is None:
        return Html()
    if head.state != HeadState.TEXT:
        return Html.of("<p>{}</p>", head.state)
    cut = Html()
    if head.is_cut:
        cut = Html.of(
            '<p>These are the first lines. <a href="{}">The whole</a></p>', address(whole)
        )
    shown = Html.excerpt(laid_out(head.lines, media_type))
    return Html.of('<pre tabindex="0">{}</pre>{}', shown, cut)


def _others(row: GateRow, telling: list[OutputRow]) -> tuple[list[_Named], list[_Named]]:
    """Return outputs without a head: those that stand open, and those that may be folded (2)."""
    known = {(each.stage, each.name): each for each in row.outputs}
    told = {(each.stage, each.name) for each in telling}
    found = [
        (stage, name, hashed, known.get((stage, name)))
        for stage, outputs in sorted(row.subject.items())
        for name, hashed in sorted(outputs.items())
    ]
    more = {stage for stage, _, _, output in found if not _is_account(output)}
    rows: tuple[list[_Named], list[_Named]] = ([], [])
    for stage, name, hashed, output in found:
        if (stage, name) not in told:
            rows[_is_account(output) and stage in more].append((stage, name, hashed, output))
    return rows


def _is_account(output: OutputRow | None) -> bool:
    """Tell whether it is described, and as what the engine tells: of all else nobody knows."""
    return output is not None and _rank(output) > HEADED_RANK_MAX


def _names(run: str, found: list[_Named]) -> Html:
    rows = [
        [
            Html.of("<bdi>{}</bdi>", name)
            if output is None
            else link(href("/output", run=run, stage=stage, name=name), name),
            Html.of("<bdi>{}</bdi>", stage),
            cell_digest(hashed),
        ]
        for stage, name, hashed, output in found
    ]
    return table(("Output", "Stage", "Digest"), rows) if rows else Html()

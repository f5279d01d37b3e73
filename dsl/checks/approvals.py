"""What a gate approves: the stages whose outputs a vote there is bound to.

Found once, when a document is compiled, and pinned by the plan: a run, the linter and the worker
of T3 read one list. The rules:

1. A gate approves what it names in ``approves``; without that, what was put out before it: by
   what it requires, else by what the stage around it started from.
2. A stage inside another starts from what that one requires, else from what was there around it,
   and from what its ``if`` reads.
3. An agent puts out its own outputs, a stage with stages inside what all of these put out, and a
   gate hands on what it approves. So only agents are named in the end.
4. Where that is in doubt (``dsl.document.doubts``) it may be any agent, or with ``at_least`` none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsl.checks.sites import Scope, Site, Survey
from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import parse
from dsl.models import AgentStage, GateStage

_Agents = dict[str, Site]  # by path, in the order they are named


class Approvals:
    """What the gates of a document approve; of one with a circle, what is outside it."""

    def __init__(self, survey: Survey, *, at_least: bool = False) -> None:
        self._survey = survey
        self._any: _Agents = {} if at_least else {site.path: site for site in survey.agents()}
        self._put_out: dict[str, _Agents] = {}  # by path, of all that was looked at
        self._visit(survey.top, {})

    def of(self, gate: Site) -> tuple[Site, ...]:
        """Return the agent stages whose outputs a vote at ``gate`` is bound to."""
        return tuple(self._put_out.get(gate.path, {}).values())

    def _visit(self, scope: Scope, around: _Agents) -> None:
        """Look at each stage after all that end before it: no chain of gates is too long."""
        for position in scope.closure.order:
            site = scope.sites[position]
            # (1) by what it requires, else what was there
            known = self._of_all(self._required(site)) or around
            start = known if scope.knows_before(site) else self._any  # (4) in doubt: any agent
            self._put_out[site.path] = self._look(site, start)

    def _look(self, site: Site, start: _Agents) -> _Agents:
        stage = site.stage
        if isinstance(stage, AgentStage):
            return {site.path: site}
        if isinstance(stage, GateStage):
            return self._at_gate(site, stage, start)
        if not site.inner:
            return start
        # (2) what its if reads as well
        return self._inside(site, start | self._of_all(self._read(site, stage.decided_by)))

    def _at_gate(self, gate: Site, stage: GateStage, start: _Agents) -> _Agents:
        if self._survey.doubts.touch((*gate.at, "config"), "approves"):
            return self._any  # (4) in doubt: any agent
        if stage.config.approves is None:
            return start
        named = (self._survey.resolve(gate, name) for name in stage.config.approves)
        return self._of_all(each for each in named if each is not None)

    def _inside(self, site: Site, start: _Agents) -> _Agents:
        """Look at what is inside a stage, and return what all of it puts out (3)."""
        for scope in site.inner:
            self._visit(scope, start)
        return self._of_all(each for scope in site.inner for each in scope.sites)

    def _of_all(self, sites: Iterable[Site]) -> _Agents:
        found: _Agents = {}
        for site in sites:
            found |= self._put_out.get(site.path, {})
        return found

    def _required(self, site: Site) -> Iterator[Site]:
        named = site.scope.named
        return (named[name] for name in site.stage.requires if name in named)

    def _read(self, site: Site, expression: str | None) -> Iterator[Site]:
        """Yield the stages that the ``if`` of a condition reads."""
        if expression is None:
            return
        if self._survey.doubts.touch(site.at, "if"):
            yield from self._any.values()  # (4) in doubt: any agent
            return
        try:
            references = parse(expression).references
        except ExpressionError:
            return  # DSL315
        for reference in references:
            if reference.names[0] == "stages" and reference.names[1:2]:
                found = self._survey.named.get(reference.names[1])
                if found is not None:
                    yield found

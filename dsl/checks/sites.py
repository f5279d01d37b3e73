"""The map of a document: every stage with its place, its siblings and what encloses it.

Built once for a document and never wrong about a wrong document: unknown names are left out,
of two stages with one name the first counts, circles are cut. Who reports these is
``dsl.checks.requirements``. The rules:

1. A path is the names from the outermost stage inwards, branches included, arms not.
2. ``requires`` looks among siblings only: the stages of the same list.
3. A stage has certainly ended before another when that one, or a stage that encloses it,
   requires it or a stage that encloses it, directly or over others.
4. Where a stage requires what is not there, or what is in doubt (``dsl.document.doubts``), it is
   taken to require all that does not wait for it: nobody is told of an order that may have been
   meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dsl.checks.closure import Closure, close, positions, with_all_before
from dsl.core import Tier
from dsl.document.doubts import NONE, DocumentPath, Doubts
from dsl.models import AgentStage, Pipeline, Stage
from dsl.templates import Templates
from dsl.tools.servers import ToolServers


@dataclass(eq=False)
class Site:
    """One stage, where it stands."""

    stage: Stage
    at: DocumentPath
    path: str  # (1) branches included, arms not
    position: int  # among its siblings
    scope: Scope
    inner: list[Scope] = field(default_factory=list)

    def enclosing(self) -> Iterator[Site]:
        """Yield this site and those around it, innermost first."""
        site: Site | None = self
        while site is not None:
            yield site
            site = site.scope.owner

    def subtree(self) -> Iterator[Site]:
        """Yield this site and those inside it, in document order."""
        yield self
        for scope in self.inner:
            for site in scope.sites:
                yield from site.subtree()

    def required(self) -> Iterator[Site]:
        """Yield the siblings that come before this one, in document order."""
        for position in positions(self.scope.closure.before[self.position]):
            yield self.scope.sites[position]


class Scope:
    """One list of stages: the whole pipeline, a branch, or an arm of a condition."""

    def __init__(
        self, owner: Site | None, label: str, at: DocumentPath, depth: int, doubts: Doubts = NONE
    ) -> None:
        self._doubts = doubts
        self.owner = owner
        self.label = label  # name of the branch; "then", "else"; "" at the top
        self.at = at
        self.depth = depth
        self.sites: list[Site] = []
        self.named: dict[str, Site] = {}

    def knows_before(self, site: Site) -> bool:
        """Tell whether all that ``site`` requires could be read, and is there."""
        required = site.stage.requires
        if site.stage.name in required or self._doubts.touch(site.at, "requires"):
            return False
        return all(name in self.named for name in required)

    @cached_property
    def needs(self) -> list[list[int]]:
        """The direct requirements of each site, as positions; unknown names left out."""
        needs = [
            [
                self.named[name].position
                for name in site.stage.requires
                if name in self.named and self.named[name] is not site
            ]
            for site in self.sites
        ]  # (2) siblings only
        late = {site.position for site in self.sites if not self.knows_before(site)}
        # (4) in doubt: all that does not wait for it
        return with_all_before(needs, late) if late else needs

    @cached_property
    def closure(self) -> Closure:
        """What comes before what among these sites."""
        return close(self.needs)


class Survey:
    """All sites of a pipeline, and what their templates and the pipeline make of them."""

    def __init__(
        self,
        pipeline: Pipeline,
        templates: Templates,
        doubts: Doubts = NONE,
        servers: ToolServers | None = None,
    ) -> None:
        self.doubts = doubts
        self.servers = servers  # None: where they are is not known
        self.pipeline = pipeline
        self.templates = templates
        self.sites: list[Site] = []  # document order, outer before inner
        self.scopes: list[Scope] = []
        self.named: dict[str, Site] = {}  # by path
        self.top = Scope(None, "", ("stages",), 1, doubts)
        self._fill(self.top, pipeline.stages, "")

    def agent_of(self, site: Site) -> str:
        """Return the identity an agent stage runs under, before any inline prefix."""
        named = site.stage.agent if isinstance(site.stage, AgentStage) else None
        return named or f"{self.pipeline.name}.{site.path.replace('/', '.')}"

    def agents_of(self, site: Site) -> tuple[str, ...]:
        """Return every identity an agent stage may run under: its own, and who may take over."""
        stage = site.stage
        other = stage.config.replacement if isinstance(stage, AgentStage) else None
        return (self.agent_of(site), *((other,) if other else ()))

    def tier_of(self, site: Site) -> Tier:
        """Return the tier an agent stage asks for; T0 where that is not known."""
        is_unread = self.doubts.touch((*site.at, "config"), "tier")
        if not isinstance(site.stage, AgentStage) or is_unread:
            return Tier.T0
        if site.stage.config.tier is not None:
            return site.stage.config.tier
        template = self.templates.get(site.stage.template)
        return template.tier if template is not None else Tier.T0

    def agents(self) -> Iterator[Site]:
        """Yield the agent stages, in document order."""
        return (site for site in self.sites if isinstance(site.stage, AgentStage))

    def resolve(self, site: Site, name: str) -> Site | None:
        """Return the stage that ``name`` means at ``site``: a sibling, else a whole path."""
        return site.scope.named.get(name) or self.named.get(name)

    def _fill(self, scope: Scope, stages: tuple[Stage, ...], prefix: str) -> None:
        self.scopes.append(scope)
        for position, stage in enumerate(stages):
            site = Site(stage, (*scope.at, position), prefix + stage.name, position, scope)
            scope.sites.append(site)
            self.sites.append(site)
            if not self.doubts.touch(site.at, "name"):
                scope.named.setdefault(stage.name, site)
                self.named.setdefault(site.path, site)
            self._descend(site)

    def _descend(self, site: Site) -> None:
        for arm in site.stage.arms:
            at = (*site.at, *arm.at)
            scope = Scope(site, arm.label, at, site.scope.depth + 1, self.doubts)
            site.inner.append(scope)
            named = "" if arm.name_at is None else f"{arm.label}/"
            self._fill(scope, arm.stages, f"{site.path}/{named}")  # (1) branches included, arms not


def meeting(one: Site, other: Site) -> tuple[Site, Site] | None:
    """Return the siblings at which the ways outwards from two sites come together.

    The two are the same site where one encloses the other, or where both lie in different
    branches or arms of it.
    """
    outwards = {id(site.scope): site for site in other.enclosing()}
    for site in one.enclosing():
        if id(site.scope) in outwards:
            return site, outwards[id(site.scope)]
    return None  # only for sites of two surveys


def ends_before(first: Site, then: Site) -> bool:
    """Tell whether ``first`` has certainly ended, in whatever status, when ``then`` starts."""
    pair = meeting(first, then)
    if pair is None:
        return False
    early, late = pair
    # (3) it certainly has ended before
    return bool(late.scope.closure.before[late.position] >> early.position & 1)

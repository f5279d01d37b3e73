"""From a document to the plan of a run: templates, defaults and paths resolved.

Compiling is a pure function of text and templates: the same document gives the same digest on
every machine. It refuses, with every problem at once, and never repairs: what is wrong in one place
is read no further (``dsl.document.salvage``), and all the rest is checked. The rules:

1. Governance is stated only about a document in which stages can be told apart and can start; what
   one of them requires may be wrong (``dsl.checks.sites``, 4): that is no missing gate as well.
2. Errors refuse the document; warnings travel with the plan.
3. What an agent stage leaves open comes from its template: tier, timeout, inputs. Its agent is
   named after pipeline and path.
4. What a gate approves is found here, and the plan pins it: ``dsl.checks.approvals``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, assert_never

from dsl.checks.approvals import Approvals
from dsl.checks.check import check
from dsl.checks.linter import lint
from dsl.checks.sites import Scope, Site, Survey
from dsl.document.loader import Loaded, read
from dsl.document.salvage import salvage
from dsl.errors import TOO_MANY_PROBLEMS, DslError, Position, Problem, Severity, bounded
from dsl.limits import BODY_HEARTBEAT_MS
from dsl.models import (
    AgentStage,
    ClarifiersConfig,
    ConditionStage,
    GateMember,
    GateStage,
    InputSpec,
    ParallelStage,
    Pipeline,
    SandboxConfig,
)
from dsl.plan import (
    AgentStep,
    AnyStep,
    BranchPlan,
    ClarifiersPlan,
    ConditionStep,
    GateStep,
    InputPlan,
    MemberPlan,
    NotifyPlan,
    ParallelStep,
    Plan,
    RuntimePlan,
    SandboxPlan,
)
from dsl.stages.planned import budget_of, people_of, questions_of, tool_rule_of
from dsl.stages.runtime import Runtime
from dsl.steps.notify import Happening
from dsl.template_folders import shipped
from dsl.templates import Template, Templates, TemplateSandbox
from dsl.tools.servers import ToolServers

ORDER_CODES = frozenset({"DSL301", "DSL302", "DSL305", TOO_MANY_PROBLEMS})
_OF_A_SANDBOX: Final = tuple(SandboxConfig.model_fields)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A document that passed every check."""

    plan: Plan
    digest: str
    warnings: tuple[Problem, ...]  # in source order
    pipeline: Pipeline


def compile_text(
    text: str | bytes,
    source: str,
    templates: Templates | None = None,
    servers: ToolServers | None = None,
) -> Compiled:
    """Compile a document; ``source`` is its name in messages.

    ``servers`` are those of tools; None: nobody has declared where they are.

    Raises:
        DslError: with all problems.
    """
    return compile_loaded(read(text, source), templates, servers)


def compile_loaded(
    loaded: Loaded, templates: Templates | None = None, servers: ToolServers | None = None
) -> Compiled:
    """Compile a document that was loaded already.

    Raises:
        DslError: with all problems.
    """
    known = shipped() if templates is None else templates
    salvaged = salvage(loaded)
    if salvaged.pipeline is None:
        raise DslError(loaded.source, bounded(salvaged.problems), loaded.text)
    survey = Survey(salvaged.pipeline, known, salvaged.doubts, servers)
    problems = bounded([*salvaged.problems, *_meaning(survey, loaded)])
    if any(_is_error(problem) for problem in problems):  # (2) errors refuse the document
        raise DslError(loaded.source, problems, loaded.text)
    plan = _PlanBuilder(survey).plan()
    try:
        digest = plan.digest()
    except ValueError as error:  # text that is no Unicode, say, in a description
        problem = Problem("DSL321", f"the plan has no canonical form: {error}", Position(1, 1))
        raise DslError(loaded.source, [problem], loaded.text) from None
    warnings = sorted(problems, key=lambda problem: (problem.at.line, problem.at.column))
    return Compiled(plan, digest, tuple(warnings), survey.pipeline)


def _meaning(survey: Survey, loaded: Loaded) -> list[Problem]:
    """Return what is wrong with what the document says, as far as it can be read."""
    problems = check(survey, loaded.marks, loaded.text)
    if not any(problem.code in ORDER_CODES and _is_error(problem) for problem in problems):
        # (1) only where stages can be told apart
        problems += lint(survey, loaded.marks)
    return problems


def _is_error(problem: Problem) -> bool:
    return problem.severity is Severity.ERROR


class _PlanBuilder:
    """Turns the sites of a checked document into steps."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._approvals = Approvals(survey)

    def plan(self) -> Plan:
        pipeline = self._survey.pipeline
        return Plan(
            name=pipeline.name,
            version=pipeline.version,
            project=pipeline.project,
            timeout_ms=pipeline.timeout,
            inputs={name: _input(spec) for name, spec in pipeline.inputs.items()},
            steps=self._steps(self._survey.top),
            notify=tuple(
                NotifyPlan(to=each.to, when=tuple(map(Happening, each.when)))
                for each in pipeline.notify
            ),
        )

    def _steps(self, scope: Scope) -> tuple[AnyStep, ...]:
        return tuple(self._step(site) for site in scope.sites)

    def _step(self, site: Site) -> AnyStep:
        match site.stage:
            case AgentStage() as stage:
                return self._agent(site, stage)
            case GateStage() as stage:
                return self._gate(site, stage)
            case ParallelStage() as stage:
                return self._parallel(site, stage)
            case ConditionStage() as stage:
                return self._condition(site, stage)
            case _:
                assert_never(site.stage)

    def _agent(self, site: Site, stage: AgentStage) -> AgentStep:
        template, config = self._survey.templates[stage.template], stage.config
        declared = {
            name: spec.default
            for name, spec in (template.inputs or {}).items()
            if spec.default is not None
        }
        return AgentStep(
            path=site.path,
            name=stage.name,
            requires=stage.requires,
            template=template.name,
            program=template.program_name,
            phases=template.phases,
            agent=self._survey.agent_of(site),
            tier=self._survey.tier_of(site),
            timeout_ms=config.timeout or template.timeout,  # (3) from its template
            retry=config.retry,
            inputs=declared | config.inputs,  # (3) from its template
            secrets=config.secrets,
            error_budget=budget_of(config),
            clarifications=config.clarifications,
            clarify=None if config.clarify == "auto" else config.clarify,
            clarifiers=self._clarifiers(site, config.clarifiers),
            on_exhausted="revoke" if config.on_exhausted == "revoke" else None,
            on_revoked=config.on_revoked.replace(" ", ""),
            sandbox=_sandbox(template.sandbox, config.sandbox),
            concurrency=config.concurrency,
            questions=None if config.questions is None else questions_of(config.questions),
            tools=tuple(map(tool_rule_of, config.tools)),
            produces=template.produces,
            runtime=runtime_of(template),
        )

    def _gate(self, site: Site, stage: GateStage) -> GateStep:
        config = stage.config
        return GateStep(
            path=site.path,
            name=stage.name,
            requires=stage.requires,
            description=stage.description,
            gate_type=config.gate_type,
            **dict(people_of(config)),
            reason=config.reason,
            approves=tuple(each.path for each in self._approvals.of(site)),  # (4) the plan pins it
            members=self._members(site, config.members),
            decides=None if config.decides is None else self._path(site, config.decides),
        )

    def _clarifiers(self, site: Site, config: ClarifiersConfig | None) -> ClarifiersPlan | None:
        if config is None:
            return None
        members = self._members(site, config.members)
        return ClarifiersPlan(**dict(people_of(config)), members=members)

    def _members(self, site: Site, members: Iterable[GateMember]) -> tuple[MemberPlan, ...]:
        return tuple(
            MemberPlan(
                stage=self._path(site, member.stage),
                weight=member.weight,
                min_confidence=member.min_confidence,
            )
            for member in members
        )

    def _parallel(self, site: Site, stage: ParallelStage) -> ParallelStep:
        return ParallelStep(
            path=site.path,
            name=stage.name,
            requires=stage.requires,
            branches=tuple(
                BranchPlan(name=scope.label, steps=self._steps(scope)) for scope in site.inner
            ),
            join=stage.config.join,
            on_failure=stage.config.on_failure,
        )

    def _condition(self, site: Site, stage: ConditionStage) -> ConditionStep:
        then, *otherwise = (self._steps(scope) for scope in site.inner)
        return ConditionStep(
            path=site.path,
            name=stage.name,
            requires=stage.requires,
            expression=stage.if_,
            then=then,
            otherwise=otherwise[0] if otherwise else (),
        )

    def _path(self, site: Site, name: str) -> str:
        found = self._survey.resolve(site, name)
        if found is None:
            raise ValueError(f"stage {name!r} passed the checks and is not there")
        return found.path


def runtime_of(template: Template) -> RuntimePlan | None:
    """Return where the work of ``template`` is done; None: a process, which Mandate starts."""
    if not template.is_delegated:
        return None
    is_activity = template.runtime is Runtime.ACTIVITY
    return RuntimePlan(
        kind="activity" if is_activity else "workflow",
        type=template.type or "",
        queue=template.queue or "",
        heartbeat_ms=(template.heartbeat or BODY_HEARTBEAT_MS) if is_activity else None,
    )


def _sandbox(template: TemplateSandbox, stage: SandboxConfig) -> SandboxPlan:
    """Return what the template opens, where the stage does not say otherwise."""
    said = stage.model_fields_set
    opened = {name: getattr(stage if name in said else template, name) for name in _OF_A_SANDBOX}
    return SandboxPlan(grace_ms=opened.pop("grace"), **opened)


def _input(spec: InputSpec) -> InputPlan:
    required = spec.default is None if spec.required is None else spec.required
    return InputPlan(
        type=spec.type,
        enum=spec.enum,
        default=spec.default,
        required=required,
        description=spec.description,
    )

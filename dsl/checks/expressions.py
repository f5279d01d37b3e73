"""Expressions: in ``if`` of a condition and in ``${{ … }}`` of an agent's inputs.

``DSL307`` an expression whose type the template's input cannot have · ``DSL315`` it cannot be
read · ``DSL316`` an unknown name, or types that can never fit · ``DSL317`` it reads a stage
that may not have finished by then.

1. A stage is named by its whole path: ``stages["checks/lint/run"].status``.
2. What an expression reads has certainly ended before its stage starts; else its value would
   hang on which of two came first, and a replay could not tell.
3. For the same reason ``stages`` is never read as a whole.
4. An input that may be null has no type to check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dsl.checks.findings import Findings
from dsl.checks.sites import Site, Survey, ends_before, meeting
from dsl.conditions.errors import ExpressionError
from dsl.conditions.interpolate import OPENING, expressions_in
from dsl.conditions.parser import Expression, parse
from dsl.conditions.references import Reference
from dsl.conditions.types import ANY, STAGE, Map, Scalar, Type, described, input_type
from dsl.document.doubts import DocumentPath
from dsl.models import AgentStage, InputSpec

_KINDS: Final = {
    "string": {"string"},
    "integer": {"int", "number"},
    "number": {"int", "double", "number"},
    "boolean": {"bool"},
}

_TYPING: Final = ("type", "enum", "default", "required")


def check_expressions(survey: Survey, findings: Findings) -> None:
    """Report expressions that could not be evaluated, or not reliably."""
    check = _Check(survey, findings)
    for site in survey.sites:
        if site.stage.decided_by is not None:
            check.condition(site, site.stage.decided_by)
        if isinstance(site.stage, AgentStage):
            check.inputs(site, site.stage)


def schema_of(survey: Survey) -> Map:
    """Return what an expression of this pipeline may name."""
    stages: dict[str, Type] = dict.fromkeys(survey.named, STAGE)  # (1) by its whole path
    return Map({"inputs": inputs_type(survey), "stages": Map(stages, what="stage")})


def inputs_type(survey: Survey) -> Type:
    """Return the declared inputs; of what could not be read any value is right."""
    doubts, at = survey.doubts, ("inputs",)
    if doubts.cover(at):
        return ANY
    inputs = {
        name: ANY if doubts.touch((*at, name), *_TYPING) else _type_of(spec)
        for name, spec in survey.pipeline.inputs.items()
    }
    return Map({**dict.fromkeys(doubts.inside(at), ANY), **inputs}, what="input")


class _Check:
    """The expressions of one document, against one schema."""

    def __init__(self, survey: Survey, findings: Findings) -> None:
        self._survey = survey
        self._findings = findings
        self._schema = schema_of(survey)

    def condition(self, site: Site, text: str) -> None:
        at = (*site.at, "if")
        try:
            expression = parse(text)
        except ExpressionError as error:
            self._report("DSL315", error, at)
            return
        if self._reads(site, expression, at):
            try:
                expression.check_condition(self._schema)
            except ExpressionError as error:
                self._report("DSL316", error, at)

    def inputs(self, site: Site, stage: AgentStage) -> None:
        for path, value in _parts(stage.config.inputs):
            at = (*site.at, "config", "inputs", *path)
            try:
                found = [expression for _, expression in expressions_in(value)]
            except ExpressionError as error:
                self._report("DSL315", error, at)
                continue
            for expression in found:
                if self._reads(site, expression, at):
                    self._type(stage, expression, path, at)

    def _type(
        self, stage: AgentStage, expression: Expression, path: DocumentPath, at: DocumentPath
    ) -> None:
        try:
            found = expression.check(self._schema)
        except ExpressionError as error:
            self._report("DSL316", error, at)
            return
        template = self._survey.templates.get(stage.template)
        spec = (template.inputs or {}).get(str(path[0])) if template and len(path) == 1 else None
        if spec is None or not isinstance(found, Scalar):
            return
        kind = "string" if expression.within_text else found.kind
        if kind not in _KINDS[spec.type]:
            message = f"input {path[0]!r} is of type {spec.type}, and this is {described(found)}"
            self._findings.error("DSL307", message, at)

    def _reads(self, site: Site, expression: Expression, at: DocumentPath) -> bool:
        """Report what ``expression`` must not read; return whether there was nothing."""
        problems = [
            problem
            for reference in expression.references
            if reference.names[0] == "stages"
            and (problem := self._explain(site, reference)) is not None
        ]
        for code, message, hint, reference in problems:
            span = reference.start, reference.end
            self._report(code, ExpressionError(message, expression.source, *span, hint), at)
        return not problems

    def _explain(self, site: Site, reference: Reference) -> tuple[str, str, str, Reference] | None:
        if len(reference.names) == 1:  # (3) never read as a whole
            message = "'stages' cannot be read as a whole"
            return "DSL317", message, 'name a stage: stages["<path>"].status', reference
        name = reference.names[1]
        target = self._survey.named.get(name)
        if target is None and name in site.scope.named:  # (1) by its whole path
            path = site.scope.named[name].path
            message = f"stage {name!r} is named by its path"
            return "DSL316", message, f'write stages["{path}"]', reference
        if target is None or ends_before(target, site):  # (2); an unknown one: the schema says so
            return None
        message, hint = _explain_order(target, site)
        return "DSL317", message, hint, reference

    def _report(self, code: str, error: ExpressionError, at: DocumentPath) -> None:
        self._findings.expression(code, error, at)


def _explain_order(target: Site, site: Site) -> tuple[str, str]:
    message = f"stage {target.path!r} may not have finished"
    pair = meeting(target, site)
    if target is site:
        return f"stage {site.path!r} cannot read itself", "read a stage before it"
    if target in site.enclosing():
        return message, f"it encloses stage {site.stage.name!r}: read it from a stage after it"
    if pair is None or pair[0] is pair[1]:
        return message, "it runs beside this stage, or instead: read it from a stage after both"
    return message, f"add {pair[0].stage.name!r} to requires of {pair[1].stage.name!r}"


def _type_of(spec: InputSpec) -> Type:
    if spec.required is False and spec.default is None:  # (4) it may be null
        return ANY
    return input_type(spec.type, spec.enum)


def _parts(value: Any, path: DocumentPath = ()) -> Iterator[tuple[DocumentPath, Any]]:
    """Yield every text in ``value`` with its place, and every key that looks like one."""
    match value:
        case str():
            yield path, value
        case dict():
            for key, item in value.items():
                if OPENING in key:
                    yield (*path, key), {key: None}  # refused where it is parsed
                yield from _parts(item, (*path, key))
        case list() | tuple():
            for number, item in enumerate(value):
                yield from _parts(item, (*path, number))
        case _:
            pass

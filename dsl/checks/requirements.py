"""Names and order: every stage can be told from every other, can start, and a gate has an effect.

``DSL301`` two stages of one list, or of the two arms of a condition, have one name ·
``DSL302`` two branches of one stage have one name · ``DSL303`` ``requires`` names no sibling ·
``DSL304`` a stage requires itself · ``DSL305`` stages wait for each other in a circle ·
``DSL318`` a name stands twice in one list (warning) ·
``DSL347`` nothing waits for a gate, and a stage beside it does not wait for its end (warning) ·
``DSL401`` too many stages · ``DSL402`` nested too deep · ``DSL403`` a path is too long.

1. What is inside a stage is waited for by whatever requires that stage.
2. A gate behind everything that acts is meant, and so are several of them: gates act on nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dsl.checks.closure import circles, positions
from dsl.checks.findings import Findings
from dsl.checks.sites import Scope, Site, Survey
from dsl.document.doubts import DocumentPath
from dsl.limits import PATH_LENGTH_MAX, STAGE_NESTING_MAX, STAGES_MAX
from dsl.models import GateStage
from dsl.values.suggestions import suggest

_CIRCLE_SHOWN_MAX: Final = 10


def check_requirements(survey: Survey, findings: Findings) -> None:
    """Report what is wrong with names, nesting and ``requires``."""
    _check_limits(survey, findings)
    for scope in survey.scopes:
        _check_names(scope.sites, findings)
        for site in scope.sites:
            _check_requires(survey, site, findings)
        _check_circles(scope, findings)
    for site in (each for each in survey.sites if each.inner):
        _check_arms(site, findings)
        _check_branches(site, findings)
    _check_effect(survey.top, None, findings)


def repeated(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the position and name of every entry that stands earlier already."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            yield position, name
        seen.add(name)


def _check_limits(survey: Survey, findings: Findings) -> None:
    count = len(survey.sites)
    if count > STAGES_MAX:
        findings.error(
            "DSL401",
            f"the pipeline has {count} stages, and {STAGES_MAX} is the limit",
            survey.sites[STAGES_MAX].at,
            "split it into pipelines that start each other",
        )
    for scope in survey.scopes:
        if scope.depth == STAGE_NESTING_MAX + 1:
            findings.error(
                "DSL402",
                f"stages are nested more than {STAGE_NESTING_MAX} deep",
                scope.at,
                "lift the inner stages out and order them with 'requires'",
            )
    for site in survey.sites:
        if len(site.path) > PATH_LENGTH_MAX:
            findings.error(
                "DSL403",
                f"the path of stage {site.stage.name!r} has {len(site.path)} characters, "
                f"and {PATH_LENGTH_MAX} is the limit",
                (*site.at, "name"),
                "shorten the names of the stages around it",
            )


def _check_names(sites: Sequence[Site], findings: Findings) -> None:
    for position, name in repeated([site.stage.name for site in sites]):
        findings.error(
            "DSL301",
            f"another stage here is named {name!r} already",
            (*sites[position].at, "name"),
            "a name is unique among its siblings: rename one of them",
        )


def _check_arms(site: Site, findings: Findings) -> None:
    """Report names that two lists share whose stages are told apart by nothing else."""
    scopes = zip(site.inner, site.stage.arms, strict=True)
    earlier: list[Scope] = []
    for scope in (scope for scope, arm in scopes if arm.name_at is None):
        for inner in scope.sites:
            there = next((each for each in earlier if inner.stage.name in each.named), None)
            if there is not None:
                findings.error(
                    "DSL301",
                    f"a stage under {there.label!r} is named {inner.stage.name!r} already",
                    (*inner.at, "name"),
                    f"both would have the path {inner.path!r}: rename one of them",
                )
        earlier.append(scope)


def _check_branches(site: Site, findings: Findings) -> None:
    named = [(arm.label, arm.name_at) for arm in site.stage.arms if arm.name_at is not None]
    for position, name in repeated([label for label, _ in named]):
        findings.error(
            "DSL302",
            f"another branch of {site.stage.name!r} is named {name!r} already",
            (*site.at, *named[position][1]),
            "rename one of them",
        )


def _check_requires(survey: Survey, site: Site, findings: Findings) -> None:
    for position, name in repeated(site.stage.requires):
        at = (*site.at, "requires", position)
        findings.warning("DSL318", f"{name!r} is required twice", at, "drop one")
    for position, name in enumerate(site.stage.requires):
        place: DocumentPath = (*site.at, "requires", position)
        if name == site.stage.name:
            findings.error("DSL304", f"stage {name!r} requires itself", place, "drop it")
        elif name not in site.scope.named:
            message, hint = _explain_missing(survey, site, name)
            findings.error("DSL303", message, place, hint)


def _explain_missing(survey: Survey, site: Site, name: str) -> tuple[str, str]:
    around = [outer.stage.name for outer in site.enclosing()][1:]
    if name in around:
        return (
            f"stage {name!r} encloses {site.stage.name!r}, which can never wait for it",
            "drop it: a stage starts after all that the stages around it require",
        )
    elsewhere = next((other for other in survey.sites if other.stage.name == name), None)
    if elsewhere is None:
        siblings = set(site.scope.named) - {site.stage.name}
        hint = suggest(name, siblings, what="stages here") or "no other stage stands in this list"
        return f"unknown stage {name!r}", hint
    return (
        f"stage {name!r} belongs to another list of stages ({elsewhere.path!r})",
        "'requires' names stages of the same list: require the stage around it, or move one",
    )


def _check_circles(scope: Scope, findings: Findings) -> None:
    for circle in circles(scope.needs, scope.closure.stuck):
        names = [scope.sites[position].stage.name for position in circle]
        shown = names if len(names) <= _CIRCLE_SHOWN_MAX else [*names[:_CIRCLE_SHOWN_MAX], "…"]
        findings.error(
            "DSL305",
            f"stages wait for each other: {' → '.join([*shown, names[0]])}",
            (*scope.sites[circle[0]].at, "requires"),
            "each requires the next: drop one of these",
        )


def _check_effect(scope: Scope, around: tuple[Site, Site] | None, findings: Findings) -> None:
    """Report gates that hold nothing back.

    Args:
        scope: whose stages are looked at.
        around: a stage around it, and one beside that which waits for neither; None where there
            is none.
        findings: where it is reported.
    """
    required = {position for need in scope.needs for position in need}
    acting = sum(
        1 << site.position for site in scope.sites if not isinstance(site.stage, GateStage)
    )
    for site in scope.sites:
        if site.position in required:  # (1) and so is what is inside
            continue
        free = acting & ~scope.closure.before[site.position] & ~(1 << site.position)
        beside = next(positions(free), None)  # (2) of what acts
        found = around if beside is None else (site, scope.sites[beside])
        if isinstance(site.stage, GateStage) and found is not None:
            _report_no_effect(site, *found, findings)
        for inner in site.inner:
            _check_effect(inner, found, findings)


def _report_no_effect(gate: Site, unrequired: Site, beside: Site, findings: Findings) -> None:
    name, other = unrequired.stage.name, beside.stage.name
    message = f"nothing requires gate {name!r}: it holds nothing back"
    if unrequired is not gate:
        message = f"nothing requires {name!r}: gate {gate.stage.name!r} in it holds nothing back"
    hint = f"where {other!r} is to wait for it, write there: requires: [{name}]"
    findings.warning("DSL347", message, (*gate.at, "name"), hint)

"""Names of people that may not be the ones that were meant; ``dsl.people`` has the rules.

``DSL328`` a name may be taken for another (warning) · ``DSL329`` one text names several people
(warning).

1. Vault may hold any of these names, so all are let through, and compared as they stand.
2. Names are compared with all others of the document. Of two that look alike the second is told.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl.checks.findings import Findings
from dsl.checks.sites import Survey
from dsl.document.doubts import DocumentPath
from dsl.models import GateConfig, GateStage
from dsl.people import GROUP_PREFIX, as_yaml, doubt_of, likeness, people_in, quoted

_COMPARE = "compare it with the name of the entity in vault, character by character"


def check_names(survey: Survey, findings: Findings) -> None:
    """Report names that may not be the ones that were meant (1)."""
    looks: dict[str, str] = {}
    told: set[str] = set()
    for site in survey.sites:
        if not isinstance(site.stage, GateStage):
            continue
        for name, at in _names(site.stage.config, (*site.at, "config")):
            other = looks.setdefault(likeness(name), name)
            if name not in told:
                told.add(name)
                _report(name, other, at, findings)


def _report(name: str, other: str, at: DocumentPath, findings: Findings) -> None:
    doubt = doubt_of(name)
    if doubt is None and other != name:  # (2) the second of two is told
        doubt = f"looks like {quoted(other)}, which is another name"
    if doubt is not None:
        findings.warning("DSL328", f"name {quoted(name)} {doubt}", at, _COMPARE)
    people = people_in(name.removeprefix(GROUP_PREFIX))
    if people:
        prefix = GROUP_PREFIX if name.startswith(GROUP_PREFIX) else ""
        each = ", ".join(as_yaml(prefix + one) for one in people)
        message = f"{quoted(name)} is one name, and reads like {len(people)}"
        findings.warning("DSL329", message, at, f"if it is several people, write a list: [{each}]")


def _names(config: GateConfig, at: DocumentPath) -> Iterator[tuple[str, DocumentPath]]:
    for position, name in enumerate(config.approvers):
        yield name, (*at, "approvers", position)
    for position, group in enumerate(config.groups):
        yield GROUP_PREFIX + group.name, (*at, "groups", position, "name")
    if config.escalate_to is not None:
        for position, name in enumerate(config.escalate_to.approvers):
            yield name, (*at, "escalate_to", "approvers", position)

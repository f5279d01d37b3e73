"""Every check of meaning, in one pass: what a document says is possible and unambiguous.

The shape is right already (``dsl.parse``), or what is wrong with it is in doubt (``dsl.salvage``).
Governance comes after (``dsl.linter``). The rules stand in ``dsl.meaning``, one file per subject,
with their codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsl.doubts import NONE, Doubts
from dsl.errors import Problem
from dsl.meaning.agents import check_agents
from dsl.meaning.declarations import check_declarations
from dsl.meaning.expressions import check_expressions
from dsl.meaning.findings import Findings, Marks, TooManyProblemsError
from dsl.meaning.gates import check_gates
from dsl.meaning.names import check_names
from dsl.meaning.requirements import check_requirements
from dsl.meaning.sites import Survey
from dsl.models import Pipeline
from dsl.templates import Template, shipped


def check(
    pipeline: Pipeline,
    marks: Marks,
    templates: Mapping[str, Template] | None = None,
    text: str = "",
    doubts: Doubts = NONE,
) -> list[Problem]:
    """Return all problems of meaning, errors and warnings, in no order.

    With the document's ``text`` an expression's error points into the expression.
    """
    survey = Survey(pipeline, shipped() if templates is None else templates, doubts)
    findings = Findings(marks, text, doubts)
    try:
        check_requirements(survey, findings)
        check_declarations(pipeline, findings)
        check_agents(survey, findings)
        check_gates(survey, findings)
        check_names(survey, findings)
        check_expressions(survey, findings)
    except TooManyProblemsError:
        pass
    return findings.problems

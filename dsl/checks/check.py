"""Every check of meaning, in one pass: what a document says is possible and unambiguous.

The shape is right already (``dsl.document.parse``), or what is wrong with it is in doubt
(``dsl.document.salvage``). Governance comes after (``dsl.checks.linter``). The rules stand in
``dsl.checks``, one file per subject, with their codes.
"""

from __future__ import annotations

from dsl.checks.agents import check_agents
from dsl.checks.declarations import check_declarations
from dsl.checks.expressions import check_expressions
from dsl.checks.findings import Findings, Places, TooManyProblemsError
from dsl.checks.gates import check_gates
from dsl.checks.names import check_names
from dsl.checks.requirements import check_requirements
from dsl.checks.runtimes import check_runtimes
from dsl.checks.sites import Survey
from dsl.checks.tools import check_tools
from dsl.errors import Problem


def check(survey: Survey, marks: Places, text: str = "") -> list[Problem]:
    """Return all problems of meaning, errors and warnings, in no order.

    With the document's ``text`` an expression's error points into the expression.
    """
    findings = Findings(marks, text, survey.doubts)
    try:
        check_requirements(survey, findings)
        check_declarations(survey.pipeline, findings)
        check_agents(survey, findings)
        check_runtimes(survey, findings)
        check_gates(survey, findings)
        check_names(survey, findings)
        check_expressions(survey, findings)
        check_tools(survey, findings)
    except TooManyProblemsError:
        pass
    return findings.problems

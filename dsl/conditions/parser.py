"""The door: source text to an ``Expression`` that can be checked and evaluated.

It refuses before anything runs what has no value for any input: bad syntax, and given a
schema also unknown names and types that clash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsl.conditions.check import Checker
from dsl.conditions.errors import CompileError, EvaluationError
from dsl.conditions.evaluate import Budget, Evaluation
from dsl.conditions.grammar import Grammar
from dsl.conditions.nodes import Node
from dsl.conditions.references import Reference, references
from dsl.conditions.tokens import tokenize
from dsl.conditions.types import BOOL, AnyValue, Map, Scalar, Type, described
from dsl.conditions.values import kind_of, with_article
from dsl.limits import EXPRESSION_STEPS_MAX


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; evaluating it has no effect and depends on nothing but ``env``."""

    source: str  # all of the text it stands in
    root: Node
    within_text: bool = False  # its value becomes a part of a longer string

    @property
    def references(self) -> tuple[Reference, ...]:
        """The paths it reads, such as ``("stages", "lint", "status")``, in source order."""
        return references(self.root)

    def check(self, schema: Map) -> Type:
        """Return the type of the value, as far as ``schema`` knows it.

        Raises:
            CompileError: an unknown name, or types that can never fit.
        """
        found = Checker(self.source).check(self.root, schema)
        if self.within_text and not isinstance(found, AnyValue | Scalar):
            hint = "stand it alone in the string, or pick one of its fields"
            self._refuse(f"{described(found)} cannot stand inside a text", hint)
        return found

    def check_condition(self, schema: Map) -> None:
        """Check an expression that has to answer yes or no.

        Raises:
            CompileError: as ``check``, or its value is not a bool.
        """
        found = self.check(schema)
        if not isinstance(found, AnyValue) and found.kind != BOOL.kind:
            self._refuse(f"a condition is a bool, and this is {described(found)}", "compare it")

    def evaluate(self, env: Mapping[str, Any], steps: int = EXPRESSION_STEPS_MAX) -> Any:
        """Return the value for ``env``; it is JSON, and within ``EXPRESSION_SIZE_MAX``.

        Raises:
            EvaluationError: it has none, or takes more than ``steps``.
        """
        return Evaluation(self.source, Budget(steps=steps)).result(self.root, env)

    def test(self, env: Mapping[str, Any], budget: Budget | None = None) -> bool:
        """Return the answer for ``env``; ``budget``: that of several conditions together.

        Raises:
            BudgetError: it takes more than may be spent.
            EvaluationError: it has none, or it is not a bool.
        """
        value = Evaluation(self.source, budget or Budget()).result(self.root, env)
        if not isinstance(value, bool):
            message = f"a condition is a bool, and this is {with_article(kind_of(value))}"
            raise EvaluationError(message, self.source, self.root.start, self.root.end)
        return value

    def _refuse(self, message: str, hint: str) -> None:
        raise CompileError(message, self.source, self.root.start, self.root.end, hint)


def parse(source: str) -> Expression:
    """Parse a whole text as one expression.

    Raises:
        CompileError: it is not one.
    """
    return Expression(source, Grammar(source, tokenize(source)).parse())


def parse_embedded(text: str, start: int) -> tuple[Node, int]:
    """Parse the expression that begins at ``start`` in ``text``, behind a ``${{``.

    Places in the tree are offsets in ``text``; the second value is the one behind ``}}``.

    Raises:
        CompileError: it is none, or it is never closed.
    """
    tokens = tokenize(text, start, embedded=True)
    return Grammar(text, tokens).parse(), tokens[-1].end

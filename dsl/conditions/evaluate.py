"""The value of an expression, within a budget.

1. Every node that is looked at costs a step, long texts and large comparisons cost more;
   what is put together counts against a size. A spent budget ends the evaluation.
2. ``false && …`` is false and ``true || …`` is true, whatever becomes of the other operands,
   on either side; ``all`` and ``exists`` likewise. Only a spent budget is never made up for.
3. Int and double compare by value and do not mix in arithmetic. Ints have 64 bits and do not
   wrap; a division by zero is an error for ints and IEEE 754 for doubles.
4. A name or field that is not there is an error; ``has()`` asks first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, NoReturn

from dsl.conditions import nodes
from dsl.conditions.errors import BudgetError, EvaluationError
from dsl.conditions.functions import FUNCTIONS
from dsl.conditions.nodes import Node
from dsl.conditions.operators import compute
from dsl.conditions.values import NoValueError, equal, is_number, kind_of, weigh, with_article
from dsl.limits import EXPRESSION_SIZE_MAX, EXPRESSION_STEPS_MAX
from dsl.values.suggestions import suggest

CHARACTERS_PER_STEP: Final = 256
NAME_SHOWN_MAX: Final = 60

Scope = Mapping[str, Any]


@dataclass(slots=True)
class Budget:
    """What may still be spent; one budget may serve several expressions."""

    steps: int = EXPRESSION_STEPS_MAX
    size: int = EXPRESSION_SIZE_MAX  # of what is put together on the way
    output: int = EXPRESSION_SIZE_MAX  # of what leaves


class Evaluation:
    """One walk over one tree."""

    def __init__(self, source: str, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._at: Node | None = None

    def result(self, root: Node, env: Scope) -> Any:
        """Return the value of the whole expression, fit to be written as JSON.

        Raises:
            EvaluationError: it has none.
        """
        value = self._value(root, env)
        try:
            self._budget.output -= weigh(value, self._budget.output)
        except NoValueError as error:
            raise self._error(error.message, root, error.hint) from None
        return value

    def _value(self, node: Node, scope: Scope) -> Any:
        self._at = node
        self._spend(1)
        return self._HANDLERS[type(node)](self, node, scope)

    def _truth(self, node: Node, scope: Scope) -> bool:
        value = self._value(node, scope)
        if not isinstance(value, bool):
            raise self._error(f"expected a bool, got {_a(value)}", node)
        return value

    def _spend(self, steps: int) -> None:
        self._budget.steps -= steps
        if self._budget.steps < 0:  # (1) spent
            self._exhaust("the expression takes too many steps", "ask for less, or split it")

    def _grow(self, size: int) -> None:
        self._budget.size -= size
        if self._budget.size < 0:  # (1) spent
            self._exhaust("the expression builds too large a value", "ask for less, or split it")

    def _exhaust(self, message: str, hint: str) -> NoReturn:
        at = self._at
        start, end = (at.start, at.end) if at else (0, 1)
        raise BudgetError(message, self._source, start, end, hint)

    def _error(self, message: str, at: Node, hint: str | Callable[[], str] = "") -> EvaluationError:
        return EvaluationError(message, self._source, at.start, at.end, hint)

    def _literal(self, node: nodes.Literal, _scope: Scope) -> Any:
        return node.value

    def _name(self, node: nodes.Name, scope: Scope) -> Any:
        if node.name not in scope:
            # (4) has() asks first
            raise self._error(f"unknown name {node.name!r}", node, _near(node.name, scope))
        return scope[node.name]

    def _select(self, node: nodes.Select, scope: Scope) -> Any:
        return self._field(self._value(node.base, scope), node.field, node)

    def _index(self, node: nodes.Index, scope: Scope) -> Any:
        base = self._value(node.base, scope)
        key = self._value(node.key, scope)
        if not isinstance(base, list | tuple):
            return self._field(base, key, node)
        if kind_of(key) != "int":
            raise self._error(f"the index of a list is an int, not {_a(key)}", node.key)
        if not 0 <= key < len(base):
            raise self._error(f"index {key} is outside of a list of {len(base)}", node.key)
        return base[key]

    def _field(self, base: Any, key: Any, node: Node) -> Any:
        if not isinstance(base, dict):
            raise self._error(f"{_a(base)} has no fields", node)
        if not isinstance(key, str):
            raise self._error(f"the key of a map is a string, not {_a(key)}", node)
        if key not in base:
            # (4) has() asks first
            raise self._error(f"no field {key[:NAME_SHOWN_MAX]!r}", node, _near(key, base))
        return base[key]

    def _has(self, node: nodes.Has, scope: Scope) -> bool:
        base = self._value(node.field.base, scope)
        if not isinstance(base, dict):
            raise self._error(f"{_a(base)} has no fields", node)
        return node.field.field in base

    def _unary(self, node: nodes.Unary, scope: Scope) -> Any:
        if node.operator == "!":
            return not self._truth(node.operand, scope)
        operand = self._value(node.operand, scope)
        if not is_number(operand):
            raise self._error(f"cannot negate {_a(operand)}", node)
        # Minus zero is a double, so 0 - x would not do.
        factor = -1.0 if isinstance(operand, float) else -1
        return self._computed("*", factor, operand, node)

    def _binary(self, node: nodes.Binary, scope: Scope) -> Any:
        left = self._value(node.left, scope)
        right = self._value(node.right, scope)
        self._at = node
        match node.operator:
            case "==":
                return equal(left, right, self._spend)
            case "!=":
                return not equal(left, right, self._spend)
            case "in":
                return self._contains(left, right, node)
            case operator:
                return self._computed(operator, left, right, node)

    def _computed(self, operator: str, left: Any, right: Any, node: Node) -> Any:
        if operator == "+" and isinstance(left, str | list | tuple):
            self._grow(len(left) + (len(right) if isinstance(right, str | list | tuple) else 0))
        try:
            return compute(operator, left, right)
        except NoValueError as error:
            raise self._error(error.message, node, error.hint) from None

    def _contains(self, item: Any, container: Any, node: nodes.Binary) -> bool:
        if isinstance(container, dict):
            return isinstance(item, str) and item in container
        if not isinstance(container, list | tuple):
            raise self._error(f"'in' looks into a list or a map, not into {_a(container)}", node)
        return any(equal(item, other, self._spend) for other in container)

    def _logic(self, node: nodes.Logic, scope: Scope) -> bool:
        return self._decide(
            (partial(self._truth, part, scope) for part in node.operands),
            deciding=node.operator == "||",
        )

    def _decide(self, questions: Iterator[Callable[[], bool]], *, deciding: bool) -> bool:
        """Ask until one answer is ``deciding``; an error counts only if none is (2)."""
        first: EvaluationError | None = None
        for ask in questions:
            try:
                if ask() is deciding:
                    return deciding
            except BudgetError:
                raise
            except EvaluationError as error:
                first = first or error
        if first is not None:
            raise first
        return not deciding

    def _choice(self, node: nodes.Choice, scope: Scope) -> Any:
        return self._value(node.then if self._truth(node.test, scope) else node.otherwise, scope)

    def _list(self, node: nodes.ListLiteral, scope: Scope) -> list[Any]:
        return [self._value(item, scope) for item in node.items]

    def _map(self, node: nodes.MapLiteral, scope: Scope) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.entries:
            key = self._value(key_node, scope)
            if not isinstance(key, str):
                raise self._error(f"the key of a map is a string, not {_a(key)}", key_node)
            if key in built:
                raise self._error(f"the key {key[:NAME_SHOWN_MAX]!r} stands twice", key_node)
            built[key] = self._value(value_node, scope)
        return built

    def _call(self, node: nodes.Call, scope: Scope) -> Any:
        arguments = [self._value(argument, scope) for argument in node.arguments]
        self._at = node
        for argument in arguments:
            if isinstance(argument, str):
                self._spend(len(argument) // CHARACTERS_PER_STEP)  # (1) long texts cost more
        try:
            return FUNCTIONS[node.function](*arguments)
        except NoValueError as error:
            raise self._error(error.message, node, error.hint) from None

    def _macro(self, node: nodes.Macro, scope: Scope) -> Any:
        source = self._value(node.source, scope)
        if not isinstance(source, list | tuple | dict):
            raise self._error(f"{node.macro}() goes over a list or a map, not {_a(source)}", node)
        inner = {**scope}
        match node.macro:
            case "map":
                return [self._value(node.body, inner) for _ in _bind(node, source, inner)]
            case "filter":
                return [i for i in _bind(node, source, inner) if self._truth(node.body, inner)]
            case "exists_one":
                return sum(self._truth(node.body, inner) for _ in _bind(node, source, inner)) == 1
            case "all" | "exists":
                ask = partial(self._truth, node.body, inner)
                questions = (ask for _ in _bind(node, source, inner))
                return self._decide(questions, deciding=node.macro == "exists")

    _HANDLERS: ClassVar[dict[type[Node], Callable[[Evaluation, Any, Scope], Any]]] = {
        nodes.Literal: _literal,
        nodes.Name: _name,
        nodes.Select: _select,
        nodes.Index: _index,
        nodes.Has: _has,
        nodes.Unary: _unary,
        nodes.Binary: _binary,
        nodes.Logic: _logic,
        nodes.Choice: _choice,
        nodes.ListLiteral: _list,
        nodes.MapLiteral: _map,
        nodes.Call: _call,
        nodes.Macro: _macro,
    }


def _bind(node: nodes.Macro, source: Any, scope: dict[str, Any]) -> Iterator[Any]:
    """Yield every item (of a map: every key), bound to the macro's variable in ``scope``."""
    for item in source:
        scope[node.variable] = item
        yield item


def _near(key: str, known: Scope) -> Callable[[], str] | str:
    # Comparing long texts takes time that no budget counts.
    return partial(suggest, key, known) if len(key) <= NAME_SHOWN_MAX else ""


def _a(value: Any) -> str:
    return with_article(kind_of(value))

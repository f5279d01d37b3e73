"""``${{ expression }}`` inside the strings of any JSON value.

1. A string that is one expression and nothing else becomes its value, type and all.
2. In a longer string the values of its expressions read as text; a list, a map or null has
   no text and is refused.
3. Keys are never replaced: what an agent is asked for does not depend on a run.
4. All expressions of one value share one budget, so a thousand of them cost no more than one.
5. A literal ``${{`` is written as ``${{ "${{" }}``; a ``}}`` on its own is just text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.conditions.errors import CompileError, EvaluationError
from dsl.conditions.evaluate import Budget, Evaluation
from dsl.conditions.parser import Expression, parse_embedded
from dsl.conditions.values import kind_of, text_of, with_article
from dsl.limits import DOCUMENT_DEPTH_MAX

OPENING: Final = "${{"

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """One string of a template: literal pieces and expressions, in order."""

    parts: tuple[str | Expression, ...]

    def resolve(self, env: Mapping[str, Any], budget: Budget) -> Any:
        """Return the string for ``env``, or the value of its only expression (1)."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return _value(self.parts[0], env, budget)
        return "".join(
            part if isinstance(part, str) else _text(part, env, budget) for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A JSON value whose strings have been parsed; resolve it as often as needed."""

    value: Any  # lists and dicts as they were, strings with expressions as ``Text``

    def expressions(self) -> list[tuple[Path, Expression]]:
        """Return every expression and the path of the string it stands in, in order."""
        return list(_expressions(self.value, ()))

    def resolve(self, env: Mapping[str, Any]) -> Any:
        """Return the value for ``env``.

        Raises:
            EvaluationError: an expression has no value, or no text where text is needed.
        """
        return _resolve(self.value, env, Budget())  # (4) one budget for all


def compile_template(value: Any) -> TextTemplate:
    """Parse every string of ``value``.

    Raises:
        CompileError: what stands in ``${{ }}`` is no expression, one is never closed, or a
            key holds one.
    """
    return TextTemplate(_compile(value, 1))


def expressions_in(value: Any) -> list[tuple[Path, Expression]]:
    """Return every expression in ``value`` with the path of its string.

    Raises:
        CompileError: as ``compile_template``.
    """
    return compile_template(value).expressions()


def resolve(value: Any, env: Mapping[str, Any]) -> Any:
    """Return ``value`` with its expressions replaced by their values for ``env``.

    Raises:
        ExpressionError: as ``compile_template`` and ``Template.resolve``.
    """
    return compile_template(value).resolve(env)


def _compile(value: Any, depth: int) -> Any:
    if depth > DOCUMENT_DEPTH_MAX:
        raise CompileError(f"nested more than {DOCUMENT_DEPTH_MAX} deep", "", 0, 0)
    match value:
        case str():
            return _compile_text(value) if OPENING in value else value
        case dict():
            return {_key(key): _compile(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_compile(item, depth + 1) for item in value]
        case _:
            return value


def _key(key: Any) -> Any:
    if isinstance(key, str) and OPENING in key:  # (3) keys are never replaced
        at = key.index(OPENING)
        message = "a key cannot hold an expression, only a value can"
        raise CompileError(message, key, at, at + len(OPENING))
    return key


def _compile_text(source: str) -> Text:
    parts: list[str | Expression] = []
    position = 0
    alone = source.startswith(OPENING)
    while (opening := source.find(OPENING, position)) >= 0:
        if opening > position:
            parts.append(source[position:opening])
        root, position = parse_embedded(source, opening + len(OPENING))
        alone = alone and opening == 0 and position == len(source)
        parts.append(Expression(source, root, within_text=not alone))
    if position < len(source):
        parts.append(source[position:])
    return Text(tuple(parts))


def _resolve(value: Any, env: Mapping[str, Any], budget: Budget) -> Any:
    match value:
        case Text():
            return value.resolve(env, budget)
        case dict():
            return {key: _resolve(item, env, budget) for key, item in value.items()}
        case list():
            return [_resolve(item, env, budget) for item in value]
        case _:
            return value


def _value(expression: Expression, env: Mapping[str, Any], budget: Budget) -> Any:
    return Evaluation(expression.source, budget).result(expression.root, env)


def _text(expression: Expression, env: Mapping[str, Any], budget: Budget) -> str:
    value = _value(expression, env, budget)
    text = text_of(value)
    if text is None:  # (2) it has no text
        kind = with_article(kind_of(value))
        message = f"{kind} cannot stand inside a text"
        hint = "stand it alone in the string, or pick one of its fields"
        root = expression.root
        raise EvaluationError(message, expression.source, root.start, root.end, hint)
    return text


def _expressions(value: Any, path: Path) -> Iterator[tuple[Path, Expression]]:
    match value:
        case Text(parts=parts):
            yield from ((path, part) for part in parts if isinstance(part, Expression))
        case dict():
            for key, item in value.items():
                yield from _expressions(item, (*path, key))
        case list():
            for position, item in enumerate(value):
                yield from _expressions(item, (*path, position))
        case _:
            pass

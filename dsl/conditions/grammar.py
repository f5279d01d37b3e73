"""Tokens into a syntax tree: recursive descent, precedence climbing for binary operators.

Within the limits the tree is shallow enough for any recursion over it, so nothing that walks
it later needs a guard of its own. The rules:

1. Nothing nests deeper than ``EXPRESSION_DEPTH_MAX``; no chain of operators, fields or
   choices is longer than ``EXPRESSION_CHAIN_MAX``; and no tree is deeper than both together.
2. Chains of ``&&`` and of ``||`` are one flat node and as long as the source may be.
3. What other languages write differently (``and``, ``=``, ``None``) is refused with the fix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, get_args

from dsl.conditions.errors import CompileError
from dsl.conditions.literals import number, text
from dsl.conditions.nodes import (
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Macro,
    MacroName,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
    walk,
)
from dsl.conditions.tokens import Kind, Token
from dsl.limits import EXPRESSION_CHAIN_MAX, EXPRESSION_DEPTH_MAX
from dsl.values.suggestions import suggest

Item = TypeVar("Item")

TREE_DEPTH_MAX: Final = EXPRESSION_DEPTH_MAX + EXPRESSION_CHAIN_MAX

_LOGIC: Final = ("||", "&&")
_BINDING: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_FOREIGN: Final = {
    "and": "use &&",
    "or": "use ||",
    "not": "use !",
    "True": "use true",
    "False": "use false",
    "None": "use null",
}
_MACROS: Final[dict[str, MacroName]] = {name: name for name in get_args(MacroName)}
_METHODS: Final = {"startsWith": 1, "endsWith": 1, "contains": 1, "size": 0}
_FUNCTIONS: Final = {"size": 1, "int": 1, "double": 1, "string": 1}


class Grammar:
    """One pass over the tokens of one expression."""

    def __init__(self, source: str, tokens: list[Token]) -> None:
        self._source = source
        self._tokens = tokens
        self._position = 0

    def parse(self) -> Node:
        """Return the tree of the whole expression.

        Raises:
            CompileError: with the place of the first mistake.
        """
        root = self._expression(0)
        if self._next.kind is not Kind.END:
            raise self._rest_error(self._next)
        for node, depth in walk(root):
            if depth > TREE_DEPTH_MAX:  # (1) nothing is deeper
                raise self._error("the expression is too deep", node, "split it")
        return root

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._next
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _took(self, sign: str) -> bool:
        if not self._next.is_sign(sign):
            return False
        self._take()
        return True

    def _demand(self, sign: str) -> Token:
        token = self._take()
        if not token.is_sign(sign):
            raise self._error(f"expected {sign!r}, got {_shown(token)}", token)
        return token

    def _error(self, message: str, at: Token | Node, hint: str = "") -> CompileError:
        return CompileError(message, self._source, at.start, at.end, hint)

    def _chain_error(self, what: str) -> CompileError:
        return self._error(f"more than {EXPRESSION_CHAIN_MAX} {what} in a row", self._next)

    def _rest_error(self, token: Token) -> CompileError:
        before = self._tokens[self._position - 1]
        touching = before.kind is Kind.NUMBER and before.end == token.start
        hint = "a number is written as 10, 1.5 or 1e3" if touching else ""
        return self._error(f"unexpected {_shown(token)}", token, _FOREIGN.get(token.text, hint))

    def _check_depth(self, depth: int) -> None:
        if depth > EXPRESSION_DEPTH_MAX:  # (1) nothing nests deeper
            raise self._error(f"nested more than {EXPRESSION_DEPTH_MAX} deep", self._next)

    def _expression(self, depth: int) -> Node:
        self._check_depth(depth)
        test = self._binary(0, depth)
        if not self._took("?"):
            return test
        then = self._expression(depth + 1)
        self._demand(":")
        otherwise = self._expression(depth + 1)
        return Choice(test.start, otherwise.end, test, then, otherwise)

    def _binary(self, weakest: int, depth: int) -> Node:
        """Parse operators that bind tighter than ``weakest``, left to right."""
        self._check_depth(depth)
        left = self._unary(depth)
        links = 0
        while (operator := self._operator()) is not None and _BINDING[operator] > weakest:
            links += operator not in _LOGIC
            if links > EXPRESSION_CHAIN_MAX:  # (1) no chain is longer
                raise self._chain_error("operators")
            self._take()
            left = _join(operator, left, self._binary(_BINDING[operator], depth + 1))
        return left

    def _operator(self) -> str | None:
        token = self._next
        if token.kind is Kind.WORD and token.text in ("and", "or"):  # (3) refused with the fix
            raise self._error(f"unknown operator {token.text!r}", token, _FOREIGN[token.text])
        operator = token.kind is Kind.SIGN or token.text == "in"
        return token.text if operator and token.text in _BINDING else None

    def _unary(self, depth: int) -> Node:
        self._check_depth(depth)
        token = self._next
        if token.kind is Kind.WORD and token.text == "not":  # (3) refused with the fix
            raise self._error("unknown operator 'not'", token, _FOREIGN["not"])
        if not (token.is_sign("!") or token.is_sign("-")):
            return self._members(self._primary(depth), depth)
        self._take()
        if token.is_sign("-") and self._next.kind is Kind.NUMBER:
            # The sign belongs to the number: -9223372036854775808 fits, its absolute does not.
            return self._members(number(self._source, self._take(), token), depth)
        operand = self._unary(depth + 1)
        return Unary(token.start, operand.end, token.text, operand)

    def _members(self, node: Node, depth: int) -> Node:
        links = 0
        while self._next.is_sign(".") or self._next.is_sign("["):
            links += 1
            if links > EXPRESSION_CHAIN_MAX:  # (1) no chain is longer
                raise self._chain_error("fields")
            node = self._index(node, depth) if self._took("[") else self._dotted(node, depth)
        return node

    def _index(self, base: Node, depth: int) -> Node:
        key = self._expression(depth + 1)
        return Index(base.start, self._demand("]").end, base, key)

    def _dotted(self, base: Node, depth: int) -> Node:
        self._demand(".")
        word = self._take()
        if word.kind is not Kind.WORD:
            raise self._error(f"expected a field name, got {_shown(word)}", word)
        if not self._took("("):
            return Select(base.start, word.end, base, word.text, word.start)
        arguments, end = self._list(")", lambda: self._expression(depth + 1))
        if word.text in _MACROS:
            return self._macro(base, word, arguments, end)
        self._check_call(word, arguments, _METHODS, "method", [*_METHODS, *_MACROS])
        return Call(base.start, end, word.text, (base, *arguments))

    def _macro(self, base: Node, word: Token, arguments: list[Node], end: int) -> Node:
        if len(arguments) != 2 or not isinstance(arguments[0], Name):  # noqa: PLR2004  # (x, body)
            hint = f"as in items.{word.text}(x, x > 1)"
            raise self._error(f"{word.text}() takes a name and an expression", word, hint)
        variable, body = arguments[0].name, arguments[1]
        return Macro(base.start, end, _MACROS[word.text], variable, base, body)

    def _primary(self, depth: int) -> Node:
        token = self._take()
        match token.kind:
            case Kind.NUMBER:
                return number(self._source, token)
            case Kind.STRING:
                return text(self._source, token)
            case Kind.WORD:
                return self._word(token, depth)
            case _:
                return self._bracketed(token, depth)

    def _bracketed(self, token: Token, depth: int) -> Node:
        if token.is_sign("("):
            inner = self._expression(depth + 1)
            self._demand(")")
            return inner
        if token.is_sign("["):
            items, end = self._list("]", lambda: self._expression(depth + 1))
            return ListLiteral(token.start, end, tuple(items))
        if token.is_sign("{"):
            entries, end = self._list("}", lambda: self._entry(depth + 1))
            return MapLiteral(token.start, end, tuple(entries))
        hint = "write 0.5, not .5" if token.is_sign(".") else ""
        raise self._error(f"expected a value, got {_shown(token)}", token, hint)

    def _entry(self, depth: int) -> tuple[Node, Node]:
        key = self._expression(depth)
        self._demand(":")
        return key, self._expression(depth)

    def _list(self, close: str, parse: Callable[[], Item]) -> tuple[list[Item], int]:
        items: list[Item] = []
        while not self._next.is_sign(close):
            items.append(parse())
            if not self._took(","):
                break
        return items, self._demand(close).end

    def _word(self, token: Token, depth: int) -> Node:
        if token.text in _CONSTANTS:
            return Literal(token.start, token.end, _CONSTANTS[token.text])
        if token.text == "in":
            raise self._error("expected a value, got 'in'", token)
        if token.text in _FOREIGN:  # (3) refused with the fix
            raise self._error(f"unknown name {token.text!r}", token, _FOREIGN[token.text])
        if not self._took("("):
            return Name(token.start, token.end, token.text)
        arguments, end = self._list(")", lambda: self._expression(depth + 1))
        if token.text == "has":
            return self._has(token, arguments, end)
        self._check_call(token, arguments, _FUNCTIONS, "function", [*_FUNCTIONS, "has"])
        return Call(token.start, end, token.text, tuple(arguments))

    def _has(self, token: Token, arguments: list[Node], end: int) -> Node:
        if len(arguments) != 1 or not isinstance(arguments[0], Select):
            hint = (
                'as in has(stages.lint.output.score); for other keys: "a-b" in stages.lint.output'
            )
            raise self._error("has() takes a field", token, hint)
        return Has(token.start, end, arguments[0])

    def _check_call(
        self,
        word: Token,
        arguments: list[Node],
        arities: dict[str, int],
        what: str,
        known: list[str],
    ) -> None:
        if word.text not in arities:
            raise self._error(f"unknown {what} {word.text!r}", word, suggest(word.text, known))
        wanted = arities[word.text]
        if len(arguments) != wanted:
            message = f"{word.text}() takes {wanted} argument(s), got {len(arguments)}"
            raise self._error(message, word)


def _join(operator: str, left: Node, right: Node) -> Node:
    if operator not in _LOGIC:
        return Binary(left.start, right.end, operator, left, right)
    if isinstance(left, Logic) and left.operator == operator:  # (2) one flat node
        return Logic(left.start, right.end, operator, (*left.operands, right))
    return Logic(left.start, right.end, operator, (left, right))


def _shown(token: Token) -> str:
    return repr(token.text) if token.text else "the end of the expression"

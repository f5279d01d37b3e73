"""What is wrong with an expression for every input: names nobody knows, types that clash.

It is quiet where nothing is known (``ANY``): what an agent puts out shows at run time. The
rules:

1. Every name exists. A field of a closed map is written out, or it could not be looked up.
2. Two values that are compared can be equal: same type, and within the values an input may
   have. A comparison that is always false is a mistake, never a wish.
3. Operands fit their operator, as in ``evaluate``.
4. ``stages.my-stage`` is a subtraction in CEL; who writes it means ``stages["my-stage"]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from dsl.conditions import nodes
from dsl.conditions.errors import CompileError
from dsl.conditions.fit import comparison_clash, operator_type
from dsl.conditions.nodes import Node
from dsl.conditions.types import (
    ANY,
    BOOL,
    DOUBLE,
    INT,
    STRING,
    AnyValue,
    ListOf,
    Map,
    MapOf,
    Scalar,
    Type,
    described,
    is_numeric,
    join,
)
from dsl.conditions.values import kind_of
from dsl.values.suggestions import suggest

_HYPHENATED: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/-]*")
_RESULTS: Final[dict[str, Type]] = {
    "size": INT,
    "int": INT,
    "double": DOUBLE,
    "string": STRING,
    "startsWith": BOOL,
    "endsWith": BOOL,
    "contains": BOOL,
}
_SIZED: Final = ("string", "list", "map")
_CONVERTED: Final[dict[str, tuple[str, ...]]] = {
    "size": _SIZED,
    "int": ("int", "double", "number", "string"),
    "double": ("int", "double", "number", "string"),
    "string": ("bool", "int", "double", "number", "string"),
}

Scope = Mapping[str, Type]


class Checker:
    """Infers the type of every part of one expression."""

    def __init__(self, source: str) -> None:
        self._source = source
        # A part has one scope, hence one type; looking twice at each level would double the
        # work with every level.
        self._found: dict[int, Type] = {}

    def check(self, root: Node, schema: Map) -> Type:
        """Return the type of the whole expression.

        Raises:
            CompileError: at the first mistake, in order of evaluation.
        """
        return self._type(root, schema.fields)

    def _type(self, node: Node, scope: Scope) -> Type:
        if id(node) not in self._found:
            self._found[id(node)] = self._HANDLERS[type(node)](self, node, scope)
        return self._found[id(node)]

    def _error(self, message: str, at: Node, hint: str = "") -> CompileError:
        return CompileError(message, self._source, at.start, at.end, hint)

    def _demand(self, node: Node, scope: Scope, wanted: Type) -> None:
        found = self._type(node, scope)
        if not isinstance(found, AnyValue) and found.kind != wanted.kind:
            raise self._error(f"expected {described(wanted)}, got {described(found)}", node)

    def _literal(self, node: nodes.Literal, _scope: Scope) -> Type:
        return Scalar(kind_of(node.value))  # type: ignore[arg-type]  # a literal is a scalar

    def _name(self, node: nodes.Name, scope: Scope) -> Type:
        if node.name not in scope:
            # (1) every name exists
            raise self._error(f"unknown name {node.name!r}", node, suggest(node.name, scope))
        return scope[node.name]

    def _select(self, node: nodes.Select, scope: Scope) -> Type:
        base = self._type(node.base, scope)
        return self._field(base, node.field, node, node.field_start)

    def _field(self, base: Type, name: str, node: Node, start: int) -> Type:
        match base:
            case AnyValue():
                return ANY
            case MapOf(value=value):
                return value
            case Map(fields=fields, what=what):
                if name not in fields:  # (1) every field of a closed map
                    message, hint = f"unknown {what} {name!r}", suggest(name, fields)
                    raise CompileError(message, self._source, start, node.end, hint)
                return fields[name]
            case _:
                message = f"{described(base)} has no fields"
                raise CompileError(message, self._source, start, node.end)

    def _index(self, node: nodes.Index, scope: Scope) -> Type:
        base = self._type(node.base, scope)
        if isinstance(node.key, nodes.Literal) and isinstance(node.key.value, str):
            return self._field(base, node.key.value, node.key, node.key.start)
        match base:
            case Map(what=what):  # (1) every key of a closed map
                hint = "write the name out, in quotes"
                raise self._error(f"the {what} has to be known beforehand", node.key, hint)
            case ListOf(item=item):
                self._demand(node.key, scope, INT)
                return item
            case MapOf(value=value):
                self._demand(node.key, scope, STRING)
                return value
            case AnyValue():
                self._type(node.key, scope)
                return ANY
            case _:
                raise self._error(f"{described(base)} has no fields", node)

    def _has(self, node: nodes.Has, scope: Scope) -> Type:
        self._select(node.field, scope)
        return BOOL

    def _unary(self, node: nodes.Unary, scope: Scope) -> Type:
        if node.operator == "!":
            self._demand(node.operand, scope, BOOL)
            return BOOL
        found = self._type(node.operand, scope)
        if not isinstance(found, AnyValue) and not is_numeric(found):
            raise self._error(f"cannot negate {described(found)}", node)
        return found

    def _binary(self, node: nodes.Binary, scope: Scope) -> Type:
        self._check_hyphen(node, scope)
        left, right = self._type(node.left, scope), self._type(node.right, scope)
        if node.operator == "in":
            return self._in(node, left, right, scope)
        if node.operator in ("==", "!="):
            self._check_clash(node.left, left, node.right, right)
            return BOOL
        result = operator_type(node.operator, left, right)
        if isinstance(result, str):  # (3) they fit their operator
            numbers = is_numeric(left) and is_numeric(right)
            hint = "convert one with double(…) or int(…)" if numbers else ""
            raise self._error(result, node, hint)
        return result

    def _check_clash(self, one: Node, one_type: Type, other: Node, other_type: Type) -> None:
        clash = comparison_clash(one, one_type, other, other_type)  # (2) they can be equal
        if clash is not None:
            raise self._error(clash.message, clash.at, clash.hint)

    def _in(self, node: nodes.Binary, left: Type, right: Type, scope: Scope) -> Type:
        match right:
            case ListOf(item=item):
                if not isinstance(node.right, nodes.ListLiteral):
                    self._check_clash(node.left, left, node.right, item)
                else:
                    for part in node.right.items:
                        self._check_clash(node.left, left, part, self._type(part, scope))
            case Map() | MapOf() if not isinstance(left, AnyValue) and left.kind != "string":
                raise self._error(f"the key of a map is a string, not {described(left)}", node.left)
            case Scalar():
                hint = "to look into a string, write text.contains(part)"
                message = f"'in' looks into a list or a map, not into {described(right)}"
                raise self._error(message, node.right, hint if right.kind == "string" else "")
            case _:
                pass
        return BOOL

    def _check_hyphen(self, node: nodes.Binary, scope: Scope) -> None:
        """Catch ``stages.my-stage`` and ``stages.checks/lint`` before they are arithmetic (4)."""
        left = node.left
        if node.operator not in ("-", "/") or not isinstance(left, nodes.Select):
            return
        base = self._type(left.base, scope)
        word = _HYPHENATED.match(self._source, left.field_start)
        name = word[0].rstrip("-/") if word else left.field
        if not isinstance(base, Map) or name == left.field:
            return
        if name not in base.fields and left.field in base.fields:
            return
        known = name in base.fields
        written = self._source[left.base.start : left.base.end]
        hint = f'write {written}["{name}"]' if known else suggest(name, base.fields)
        flaw = f"{name!r} reads as arithmetic here" if known else f"unknown {base.what} {name!r}"
        start = left.field_start
        raise CompileError(flaw, self._source, start, start + len(name), hint)

    def _logic(self, node: nodes.Logic, scope: Scope) -> Type:
        for operand in node.operands:
            self._demand(operand, scope, BOOL)
        return BOOL

    def _choice(self, node: nodes.Choice, scope: Scope) -> Type:
        self._demand(node.test, scope, BOOL)
        return join(self._type(node.then, scope), self._type(node.otherwise, scope))

    def _list(self, node: nodes.ListLiteral, scope: Scope) -> Type:
        return ListOf(self._joined(node.items, scope))

    def _map(self, node: nodes.MapLiteral, scope: Scope) -> Type:
        for key, _ in node.entries:
            self._demand(key, scope, STRING)
        return MapOf(self._joined([value for _, value in node.entries], scope))

    def _joined(self, parts: tuple[Node, ...] | list[Node], scope: Scope) -> Type:
        types = [self._type(part, scope) for part in parts]
        joined = types[0] if types else ANY
        for found in types[1:]:
            joined = join(joined, found)
        return joined

    def _call(self, node: nodes.Call, scope: Scope) -> Type:
        accepted = _CONVERTED.get(node.function, ("string",))
        for argument in node.arguments:
            found = self._type(argument, scope)
            if not isinstance(found, AnyValue) and found.kind not in accepted:
                usable = f"{node.function}() does not take {described(found)}"
                raise self._error(usable, argument, f"it takes: {', '.join(accepted)}")
        return _RESULTS[node.function]

    def _macro(self, node: nodes.Macro, scope: Scope) -> Type:
        source = self._type(node.source, scope)
        match source:
            case ListOf(item=found):
                item: Type = found
            case Map() | MapOf():
                item = STRING
            case AnyValue():
                item = ANY
            case _:
                message = f"{node.macro}() goes over a list or a map, not {described(source)}"
                raise self._error(message, node.source)
        inner = {**scope, node.variable: item}
        if node.macro == "map":
            return ListOf(self._type(node.body, inner))
        self._demand(node.body, inner, BOOL)
        return ListOf(item) if node.macro == "filter" else BOOL

    _HANDLERS: ClassVar[dict[type[Node], Callable[[Checker, Any, Scope], Type]]] = {
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

"""What a call brings about in the world, by a name made of its arguments: it happens once.

Pure. Whether it was brought about already is known where the ledger is written. The rules:

1. An effect is named by the operator, as ``refund:${{ args.payment_id }}``: of arguments alone.
2. It belongs to its server. One for which an argument is missing, or that is too long, is none, and
   the call is denied: without a name nobody could tell it from another. So is one with white space
   at its ends, or with what cannot be seen: its server may take it for the same as another.
3. Two spellings of the same characters are one effect: its name is put into form NFC, so that it is
   one wherever it is named, in the workflow, on the ledger, and at T3 by who brings it about.
4. Who calls is told which of its arguments is wrong, and not how the operator has written the name:
   an agent can mend the one, and not the other.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from dsl.conditions.errors import ExpressionError
from dsl.conditions.interpolate import expressions_in, resolve
from dsl.conditions.values import kind_of, with_article
from dsl.limits import EFFECT_LENGTH_MAX
from dsl.rules.tools.calls import CallRefusedError, ToolCall

_ABSENT: Final = object()


def effect_of(call: ToolCall, template: str) -> str:
    """Return the effect of ``call``.

    Raises:
        CallRefusedError: it has none (2).
    """
    try:
        value = resolve(template, {"args": call.arguments})
    except ExpressionError as error:
        raise CallRefusedError(_wanting(call, template) or _unnamed(error)) from None
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    text = unicodedata.normalize("NFC", text)  # (3) however it is spelled
    if not text.strip() or len(text) > EFFECT_LENGTH_MAX:
        raise CallRefusedError(
            _wanting(call, template)
            or f"its effect is a name of 1 to {EFFECT_LENGTH_MAX} characters, got "
            f"{len(text.strip())}: see to its arguments"
        )
    if text != text.strip() or not all(line.isprintable() for line in text.split("\n")):
        raise CallRefusedError(
            "its effect has white space at its ends here, or what cannot be seen: leave that out "
            "of the arguments"
        )
    return f"{call.server}/{text}"


def _wanting(call: ToolCall, template: str) -> str:
    """Say which argument is no part of a name; empty: each of them is (4)."""
    for names in sorted(_references(template)):
        value: Any = {"args": call.arguments}
        for name in names:
            value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
        if isinstance(value, str | int) and not isinstance(value, bool):
            continue
        got = "it is missing" if value is _ABSENT else f"got {with_article(kind_of(value))}"
        argument = ".".join(names[1:])
        wanted = "expected text or a whole number"
        return f"argument {argument!r} names what the call brings about: {wanted}, {got}"
    return ""


def _unnamed(error: ExpressionError) -> str:
    return f"its effect has no value for these arguments: {error.message}"


def _references(template: str) -> set[tuple[str, ...]]:
    return {
        each.names for _, expression in expressions_in(template) for each in expression.references
    }


def refuse_effect(template: str) -> str | None:
    """Say why ``template`` names no effect (1)."""
    try:
        found = expressions_in(template)
    except ExpressionError as error:
        return f"effect: {error}"
    for _, expression in found:
        for each in expression.references:
            if each.names[0] != "args":
                return f"effect: it is made of args alone, got {each.names[0]!r}"
    return None


def arguments_of(template: str) -> frozenset[str]:
    """Return the arguments that ``template`` is made of; of none that is wrong, nothing."""
    try:
        found = expressions_in(template)
    except ExpressionError:
        return frozenset()
    names = (each.names for _, expression in found for each in expression.references)
    return frozenset(each[1] for each in names if len(each) > 1)

"""A call of a tool as an agent asks for it: its form, and the digests that all else is bound to.

Pure. What is refused here is refused in one sentence, for the agent and for the ledger. The rules:

1. Arguments are one JSON object that every reader reads alike: no key twice, no number that some
   reader cannot hold, no half of a character (``dsl.values.strict_json``), not too deep or large.
2. What some reader takes for another thing is refused: the key ``__proto__``, and keys of one
   object that differ in case or in the width of their letters alone. A rule would look at the one,
   and a server that is less strict obey the other.
3. Names are ASCII, so none looks like another (``dsl.values.tool_names``).
4. What is sent is the canonical text of the arguments, and its digest is what is approved. Two
   calls with equal arguments are two occurrences: the ordinal tells them apart in a stage of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from dsl.core import Value
from dsl.limits import (
    TOOL_ARGUMENTS_BYTES_MAX,
    TOOL_ARGUMENTS_DEPTH_MAX,
    TOOL_PURPOSE_LENGTH_MAX,
)
from dsl.rules.tools.hidden import like_of
from dsl.values import strict_json
from dsl.values.canonical import canonical, digest_of
from dsl.values.tool_names import refuse_tool_name

HAPPENED: Final = "happened"
DID_NOT: Final = "did-not"
SAID: Final = (HAPPENED, DID_NOT)  # what people say of a call of which nobody knows
_KEY_SHOWN_MAX: Final = 60
_PROTOTYPE: Final = "__proto__"


class CallRefusedError(ValueError):
    """Nothing can be called so: one sentence."""


class ToolCall(Value):
    """What an agent asks for; ``call_of`` makes one and refuses the rest."""

    server: str
    tool: str
    arguments: dict[str, Any]
    purpose: str = Field(default="", max_length=TOOL_PURPOSE_LENGTH_MAX)  # in the agent's words

    @property
    def name(self) -> str:
        """Return server and tool, as people read them."""
        return f"{self.server}/{self.tool}"

    def digest(self) -> str:
        """Return what the call is, whoever makes it."""
        return digest_of({"server": self.server, "tool": self.tool, "arguments": self.arguments})


class Occurrence(Value):
    """One call at its place: all that an approval of it is bound to (4)."""

    call: ToolCall
    plan: str  # digest
    run: str  # workflow id
    run_id: str
    stage: str  # path
    ordinal: int = Field(ge=1)  # of the calls of the stage

    def digest(self) -> str:
        """Return what is approved: this call, here, once."""
        return digest_of(
            {
                "call": self.call.digest(),
                "plan": self.plan,
                "run": self.run,
                "run_id": self.run_id,
                "stage": self.stage,
                "ordinal": self.ordinal,
            }
        )

    def outcome_digest(self) -> str:
        """Return what is said when people say whether it was made."""
        return digest_of({"outcome": self.digest()})


def call_of(server: str, tool: str, arguments: Any, purpose: str = "") -> ToolCall:
    """Return the call.

    Raises:
        CallRefusedError: nothing can be called so.
    """
    refusal = refuse_tool_name(server, tool)  # (3) no name looks like another
    if refusal is not None:
        raise CallRefusedError(refusal)
    if not isinstance(arguments, dict):
        raise CallRefusedError(
            f"the arguments are one object, got a {type(arguments).__name__}: name each of them"
        )
    _refuse_keys(arguments)
    text = text_of(arguments)
    size = len(text.encode())
    if size > TOOL_ARGUMENTS_BYTES_MAX:  # (1) nothing too large
        raise CallRefusedError(
            f"the arguments have {size} bytes, and {TOOL_ARGUMENTS_BYTES_MAX} is the limit: "
            "put what is large into a file, and name it"
        )
    shown = " ".join(purpose.split())[:TOOL_PURPOSE_LENGTH_MAX]
    return ToolCall(server=server, tool=tool, arguments=arguments, purpose=shown)


def arguments_in(text: bytes | str) -> dict[str, Any]:
    """Return the arguments that ``text`` holds.

    Raises:
        CallRefusedError: some reader would read it in another way.
    """
    try:
        found = strict_json.read(
            text, bytes_max=TOOL_ARGUMENTS_BYTES_MAX, depth_max=TOOL_ARGUMENTS_DEPTH_MAX
        )
    except strict_json.JsonError as error:  # (1) every reader reads it alike
        raise CallRefusedError(f"the arguments cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise CallRefusedError("the arguments are one object: name each of them")
    return found


def text_of(arguments: Mapping[str, Any]) -> str:
    """Return the canonical text that is digested, shown and sent (4).

    Raises:
        CallRefusedError: there is none.
    """
    try:
        text = canonical(arguments)
        text.encode()
    except UnicodeEncodeError:
        raise CallRefusedError(
            "the arguments hold half of a surrogate pair, which is no character"
        ) from None
    except ValueError as error:
        raise CallRefusedError(f"the arguments have no canonical form: {error}") from None
    return text


def _refuse_keys(arguments: Mapping[str, Any]) -> None:
    """Refuse keys that some reader takes for another one (2), and what is too deep (1)."""
    level: list[Any] = [arguments]
    for _ in range(TOOL_ARGUMENTS_DEPTH_MAX):
        if not level:
            return
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise CallRefusedError(
            f"the arguments are nested more than {TOOL_ARGUMENTS_DEPTH_MAX} deep"
        )


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        seen: dict[str, str] = {}
        for key in value:
            if key == _PROTOTYPE:  # (2) to some it is no key at all
                raise CallRefusedError(f"the arguments hold the key {_PROTOTYPE!r}: rename it")
            like = like_of(str(key))
            if like in seen:
                both = f"{seen[like][:_KEY_SHOWN_MAX]!a} and {str(key)[:_KEY_SHOWN_MAX]!a}"
                raise CallRefusedError(
                    f"the keys {both} of one object are one key to some servers: leave one out"
                )
            seen[like] = str(key)
        return [each for each in value.values() if isinstance(each, dict | list | tuple)]
    return [each for each in value if isinstance(each, dict | list | tuple)]

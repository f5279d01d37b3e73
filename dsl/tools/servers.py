"""Tool servers: what agents may be let call, as the operator declares it.

A server is a file ``<name>.yaml``: how it is started or where it is reached, what it may touch, and
which trust its tools ask for. Here is its form and nothing of the machine. The rules:

1. What a server may touch is for the operator to say, who writes this file: its sandbox is its own,
   and no pipeline opens anything in it.
2. ``tier`` is the least tier of a stage that calls its tools; a tool may ask for more, never for
   less than its server.
3. Its tools are pinned: all that the server says of a tool, name, description and schema, stands in
   a file beside this one, ``<name>.pins.json``, as somebody has read it. A tool that is not pinned,
   or of which something else is said by now, is none that anybody has looked at, and is not called.
4. ``effect`` names what a call brings about; ``idempotent`` says that it may be made again where
   nobody knows whether it was made. Neither can a pipeline say.
5. ``keep`` says for whom one process may work: never for two stages, unless its operator says that
   it keeps nothing of whoever calls.
6. ``secrets`` of a server are for its calls: no stage is let read one of them itself.
7. ``redact`` names fields of an answer that are left out where it is heard: no agent, history,
   ledger or store has them; and fields of the arguments for which a seal stands everywhere but at
   the server, see ``dsl.rules.tools.sealed``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, field_validator, model_validator

from dsl import limits
from dsl.core import Tier
from dsl.stages.fields import SECRET_NAME_PATTERN, Name, TierField, refused
from dsl.stages.stage import Document
from dsl.stages.tools import ToolName
from dsl.steps.tools import KnownTool
from dsl.templates import INTERPRETER_PATTERN, TemplateSandbox
from dsl.tools.reach import HEADER_PATTERN, refuse_headers, refuse_url
from dsl.tools.single import ToolConfig
from dsl.values.canonical import digest_of
from dsl.values.durations import ToolTimeout
from dsl.values.secret_refs import is_secret_reference

_COMMAND: Final = re.compile(INTERPRETER_PATTERN)
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
PINS_SUFFIX: Final = ".pins.json"


class Keep(StrEnum):
    """For whose calls a process of a server stays up (5)."""

    CALL = "call"  # for one
    STAGE = "stage"  # for those of one stage of one run
    SHARED = "shared"  # for everybody's


class ToolServerSandbox(TemplateSandbox):
    """What a server may touch and take (1)."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        **TemplateSandbox.EXPLAINED,
        "write": "Directories it writes into; absolute paths.",
    }

    @field_validator("write")
    @classmethod
    def _absolute(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not path.startswith("/"):
                raise refused(f"expected an absolute path, got {path[:60]!r}")
        return paths


class ToolServer(Document):
    """One server of tools."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "name": "The file's name without .yaml; what rules of pipelines say in server.",
        "description": "What its tools are for, in a sentence.",
        "tier": "The least tier of a stage that calls its tools, 0 to 4.",
        "command": "How it is started: a program on the agents' PATH or an absolute path, and its "
        "arguments. It speaks MCP on stdin and stdout.",
        "url": "Where it is reached that nobody starts here: https, or http on this machine. It "
        "speaks MCP's streamable HTTP.",
        "ca": "The file of who vouches for its certificate; default: those this machine knows.",
        "headers": "What is sent with each request to url: text, and ${{ secrets.NAME }}.",
        "secrets": "What it is handed for a call, and no agent is: NAME: mount/path#field. Read as "
        "the agent that calls; a variable of a command, or named in headers.",
        "environment": "Variables that it is started with; it has no others. No secrets.",
        "timeout": "How long one call may take, with a unit, up to 10m; default: 30s.",
        "sandbox": "What it may touch and take.",
        "keep": "For whose calls one process stays up: call, stage (default), or shared: by all, "
        "for it keeps nothing of whoever calls.",
        "tools": "What is to be known of single tools, by their names.",
    }

    name: Name
    description: str = ""
    tier: TierField
    command: tuple[str, ...] = Field(default=(), max_length=limits.TEMPLATE_WORDS_MAX)
    url: str | None = Field(default=None, max_length=limits.TOOL_URL_LENGTH_MAX)
    ca: str | None = Field(default=None, pattern=r"^/")
    headers: dict[Annotated[str, Field(pattern=HEADER_PATTERN)], str] = Field(
        default_factory=dict, max_length=limits.TEMPLATE_WORDS_MAX
    )
    secrets: dict[Annotated[str, Field(pattern=SECRET_NAME_PATTERN)], str] = Field(
        default_factory=dict, max_length=limits.SECRETS_OF_SERVER_MAX
    )
    environment: dict[_Variable, str] = Field(
        default_factory=dict, max_length=limits.TEMPLATE_WORDS_MAX
    )
    timeout: ToolTimeout = limits.TOOL_TIMEOUT_MS
    sandbox: ToolServerSandbox = ToolServerSandbox()
    keep: Keep = Keep.STAGE
    tools: dict[ToolName, ToolConfig] = Field(
        default_factory=dict, max_length=limits.TOOLS_OF_SERVER_MAX
    )

    @field_validator("command")
    @classmethod
    def _startable(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if words and (_COMMAND.fullmatch(words[0]) is None or "\0" in "".join(words)):
            raise refused(
                f"expected the name of a program or an absolute path first, got {words[0][:60]!r}"
            )
        return words

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: str | None) -> str | None:
        why = refuse_url(url) if url is not None else None
        if why is not None:
            raise refused(why)
        return url

    @field_validator("secrets")
    @classmethod
    def _references(cls, secrets: dict[str, str]) -> dict[str, str]:
        for name, reference in secrets.items():
            if not is_secret_reference(reference):  # not shown: it may be the secret itself
                raise refused(f"secret {name}: expected mount/path#field")
        return secrets

    @model_validator(mode="after")
    def _reached_in_one_way(self) -> ToolServer:
        if bool(self.command) == (self.url is not None):
            raise refused("a server has a command, or a url, and not both")
        of_other = ("environment", "sandbox") if self.url else ("ca", "headers")
        wrong = next((each for each in of_other if each in self.model_fields_set), None)
        if wrong is not None:
            raise refused(
                f"{wrong}: it says nothing of a server with {'a url' if self.url else 'a command'}"
            )
        why = refuse_headers(self.headers, self.secrets) if self.url else None
        both = sorted(self.secrets.keys() & self.environment.keys())
        if both:
            why = f"secrets: {both[0]} is a variable of environment as well"
        if why is not None:
            raise refused(why)
        return self

    @model_validator(mode="after")
    def _no_less_than_its_server(self) -> ToolServer:
        for name, tool in self.tools.items():
            if tool.tier is not None and tool.tier < self.tier:  # (2) never for less
                raise refused(
                    f"tool {name} asks for {tool.tier.name}, and its server for {self.tier.name}: "
                    "a tool never asks for less"
                )
        return self

    @property
    def place(self) -> str:
        """Return its address, or the program that is started."""
        return self.url or self.command[0]

    def tier_of(self, tool: str) -> Tier:
        """Return the least tier of a stage that calls ``tool`` (2)."""
        declared = self.tools.get(tool)
        return self.tier if declared is None or declared.tier is None else declared.tier

    def known_of(self, tool: str, pin: str = "") -> KnownTool:
        """Return what a run is told of ``tool``, whose pin has that digest."""
        declared = self.tools.get(tool) or ToolConfig()
        return KnownTool(
            timeout_ms=self.timeout_of(tool),
            idempotent=declared.idempotent,
            attempts=None if declared.retries is None else declared.retries + 1,
            effect=declared.effect,
            said=self._said(tool, pin) if pin else "",
        )

    def _said(self, tool: str, pin: str) -> str:
        """Return the digest of all that may change what a call of ``tool`` comes to."""
        server = self.model_dump(mode="json", exclude={"description", "timeout", "tools"})
        declared = self.tools.get(tool) or ToolConfig()
        of_tool = declared.model_dump(mode="json", exclude={"timeout"})
        return digest_of({"server": server, "tool": of_tool, "pin": pin})

    def hidden_of(self, tool: str) -> tuple[str, ...]:
        """Return which fields of an answer of ``tool`` are left out (7)."""
        declared = self.tools.get(tool)
        return () if declared is None else declared.redact.answer

    def sealed_of(self, tool: str) -> tuple[str, ...]:
        """Return for which fields of the arguments of ``tool`` a seal stands (7)."""
        declared = self.tools.get(tool)
        return () if declared is None else declared.redact.arguments

    def timeout_of(self, tool: str) -> int:
        """Return how many milliseconds a call of ``tool`` may take."""
        declared = self.tools.get(tool)
        return (declared.timeout if declared else None) or self.timeout


@dataclass(frozen=True, slots=True)
class PinnedTool:
    """A tool, in the words of its server that somebody has read (3)."""

    said: Mapping[str, Any]
    digest: str  # of all of them

    @property
    def argument_names(self) -> frozenset[str] | None:
        """Return the names of all arguments it speaks of; None: it does not say."""
        schema = self.said.get("inputSchema")
        named = schema.get("properties") if isinstance(schema, dict) else None
        return frozenset(named) if isinstance(named, dict) and named else None


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A server, and what of its tools somebody has looked at."""

    server: ToolServer
    pins: Mapping[str, PinnedTool]  # by tool (3)
    why_unpinned: str = ""  # why there are none

    @property
    def digests(self) -> dict[str, str]:
        """Return the digests of its pinned tools."""
        return {name: each.digest for name, each in self.pins.items()}


@dataclass(frozen=True, slots=True)
class ToolServers(Mapping[str, KnownServer]):
    """The servers that rules of pipelines may name, and why others cannot be used."""

    known: Mapping[str, KnownServer]
    refused: Mapping[str, str] = field(default_factory=dict)  # why, by name
    unseen: tuple[str, ...] = ()  # what could not be looked into, a sentence each

    def handed(self, reference: str) -> str | None:
        """Return the server that is handed the secret ``reference``; None: none is (6)."""
        return next(
            (name for name in self.known if reference in self.known[name].server.secrets.values()),
            None,
        )

    def __getitem__(self, name: str) -> KnownServer:
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

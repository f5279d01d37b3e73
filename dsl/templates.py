"""Templates: what an ``agent`` stage may be, and what it starts from.

A template is a file ``<name>.yaml`` with its program beside it; the shipped ones are no different
from anybody's own. Here is its form and nothing of the machine: whether the program is there, may
be run and has its tools is found out where it runs. The rules:

1. The tier of a template is what its stages ask for where they say nothing themselves.
2. ``phases`` are those in which the program itself is asked, in the order of the lifecycle;
   EXECUTE is always one of them.
3. ``inputs`` is the whole list of inputs its stages may set. Without the key they may set
   any: Mandate cannot know what a program that is not here would take.
4. Program and files are named from the template's file on, and never lie outside its directory.
5. What the sandbox opens is for the template to say, and for a stage to say otherwise. What may be
   *read* besides, the template alone says: who writes a pipeline opens no file of the worker's
   machine.
6. One without a program is declared and validated, and its stages are refused saying so.
7. ``runtime`` says what does the work: a program that Mandate starts, or somebody else's activity
   or workflow, see ``dsl.stages.runtime``. Of the latter nothing is said that is about a program.
8. ``outside`` names the system that its program cannot do without, for a circuit breaker: a program
   that ends with "try again later" (status 75) says that this one is away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from dsl import limits
from dsl.core import OUTPUT_NAME_PATTERN, AgentPhase
from dsl.models import InputSpec
from dsl.stages.agent import SandboxConfig
from dsl.stages.fields import INPUT_NAME_PATTERN, Name, TierField, refused
from dsl.stages.runtime import EXPLAINED as OF_RUNTIME
from dsl.stages.runtime import OF_A_TARGET, RuntimeFields, check_target, refuse_fields
from dsl.stages.stage import Document
from dsl.values.circuit_names import CIRCUIT_PATTERN, OWN_CIRCUITS
from dsl.values.durations import Duration

ASKABLE_PHASES: Final = (AgentPhase.PLAN, AgentPhase.EXECUTE, AgentPhase.VERIFY)
PYTHON: Final = "python"  # as an interpreter: the worker's own
_SEGMENT: Final = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
BESIDE_PATTERN: Final = rf"^(\./)?{_SEGMENT}(/{_SEGMENT})*$"  # (4) never outside its directory
TOOL_PATTERN: Final = rf"^{_SEGMENT}$"
INTERPRETER_PATTERN: Final = rf"^({_SEGMENT}|(/[^/\u0000]+)+)$"
ABSOLUTE_PATTERN: Final = r"^(/[^/\u0000]+)+$"
_NEVER_READ: Final = ("proc", "sys", "dev", "run")
_OF_A_PROCESS: Final = ("program", "interpreter", "files", "produces", "requires_tools", "sandbox")

Beside = Annotated[str, Field(pattern=BESIDE_PATTERN, max_length=limits.TEMPLATE_PATH_LENGTH_MAX)]
_ToolName = Annotated[str, Field(pattern=TOOL_PATTERN, max_length=limits.NAME_LENGTH_MAX)]
_Readable = Annotated[
    str, Field(pattern=ABSOLUTE_PATTERN, max_length=limits.TEMPLATE_PATH_LENGTH_MAX)
]


def _as_words(value: Any) -> Any:
    """Accept ``sh`` for ``[sh]``."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


_Interpreter = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_words),
    Field(min_length=1, max_length=limits.TEMPLATE_WORDS_MAX),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": INTERPRETER_PATTERN},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]


class RequiredTool(Document):
    """Something that the program calls, and how a person gets it."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "any_of": "Executables of which one must be on the agents' PATH.",
        "distribution": "A Python package that must be installed beside the worker.",
        "install": "How to get it, for whoever lacks it.",
    }

    any_of: tuple[_ToolName, ...] = Field(default=(), max_length=limits.TEMPLATE_WORDS_MAX)
    distribution: _ToolName | None = None
    install: str = Field(min_length=1, max_length=limits.MESSAGE_LENGTH_MAX)

    @model_validator(mode="after")
    def _one_kind(self) -> RequiredTool:
        if bool(self.any_of) == (self.distribution is not None):
            raise refused("expected either any_of: with executables, or distribution:")
        return self


class TemplateSandbox(SandboxConfig):
    """What its agents may touch and take, where a stage does not say (5)."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        **SandboxConfig.EXPLAINED,
        "read": "Files and directories it may read and execute besides; absolute paths.",
    }

    read: tuple[_Readable, ...] = Field(default=(), max_length=limits.TEMPLATE_WORDS_MAX)

    @field_validator("read")
    @classmethod
    def _ordinary(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            parts = path.split("/")[1:]
            if "." in parts or ".." in parts or parts[0] in _NEVER_READ:
                raise refused(
                    f"{path!r} cannot be opened: expected files or directories, without '..' and "
                    f"outside of {', '.join(f'/{name}' for name in _NEVER_READ)}"
                )
        return paths


class Template(RuntimeFields):
    """One kind of agent."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        **OF_RUNTIME,
        "name": "The file's name without .yaml; what stages say in template.",
        "description": "What its agents do, in a sentence.",
        "tier": "What its stages ask for where they say nothing, 0 to 4.",
        "program": "Its path from this file on, such as ./triage.py; null: none yet.",
        "interpreter": "python (the worker's own), a program on the agents' PATH, an absolute "
        "path, or a list that begins with one; default: the program is executed itself.",
        "files": "What the program needs beside it: files and directories, from this file on.",
        "phases": "In which the program is asked: PLAN, EXECUTE, VERIFY; EXECUTE always.",
        "timeout": "How long a stage may take, with a unit: 90s, 30m, 2h.",
        "inputs": "What a stage may tell it; default: anything.",
        "produces": "Names of artifacts that EXECUTE must put out.",
        "requires_tools": "What it calls; looked for before it runs, and before people are asked.",
        "sandbox": "What its agents may touch and take, where a stage does not say.",
        "outside": "The system it cannot do without, as a circuit breaker is named after it.",
    }

    name: Name
    description: str
    tier: TierField  # (1) what its stages ask for
    program: Beside | None = None  # (4) (6) beside the template; may be missing
    interpreter: _Interpreter | None = None  # None: the program is executed itself
    files: tuple[Beside, ...] = Field(default=(), max_length=limits.PROGRAM_FILES_MAX)
    phases: tuple[AgentPhase, ...]
    timeout: Duration = limits.AGENT_TIMEOUT_MS
    # (3) the whole list, or any
    inputs: dict[Annotated[str, Field(pattern=INPUT_NAME_PATTERN)], InputSpec] | None = None
    produces: tuple[Annotated[str, Field(pattern=OUTPUT_NAME_PATTERN)], ...] = Field(
        default=(), max_length=limits.AGENT_ARTIFACTS_MAX
    )
    requires_tools: tuple[RequiredTool, ...] = Field(
        default=(), max_length=limits.TEMPLATE_WORDS_MAX
    )
    sandbox: TemplateSandbox = TemplateSandbox()
    outside: Annotated[str, Field(pattern=CIRCUIT_PATTERN)] | None = None  # (8) as circuits name it

    @field_validator("outside")
    @classmethod
    def _not_ours(cls, name: str | None) -> str | None:
        if name in OWN_CIRCUITS:
            raise refused(f"{name!r} is a circuit of Mandate itself: name another system")
        return name

    @field_validator("phases")
    @classmethod
    def _in_order(cls, phases: tuple[AgentPhase, ...]) -> tuple[AgentPhase, ...]:
        allowed = tuple(phase for phase in ASKABLE_PHASES if phase in phases)
        if phases != allowed or AgentPhase.EXECUTE not in phases:  # (2) EXECUTE is always one
            raise refused(
                f"expected EXECUTE and any of {', '.join(ASKABLE_PHASES)} in this order, "
                f"got {', '.join(phases) or 'none'}"
            )
        return phases

    @field_validator("interpreter")
    @classmethod
    def _startable(cls, words: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if words and (
            re.fullmatch(INTERPRETER_PATTERN, words[0]) is None or "\0" in "".join(words)
        ):
            raise refused(
                f"expected {PYTHON}, the name of a program such as sh, or an absolute path, "
                f"got {words[0][:60]!r}"
            )
        return words

    @model_validator(mode="after")
    def _fits_its_runtime(self) -> Template:
        """Refuse what its runtime cannot hold to (7)."""
        if self.is_delegated:
            refuse_fields(self, _OF_A_PROCESS)
            check_target(self, self.tier)
            return self
        refuse_fields(self, OF_A_TARGET)
        if "program" not in self.model_fields_set:
            raise refused(
                "expected program: ./FILE, or runtime: activity or workflow with type and queue"
            )
        return self

    @property
    def is_runnable(self) -> bool:
        """Tell whether there is something to run (6)."""
        return self.is_delegated or self.program is not None

    @property
    def program_file(self) -> str | None:
        """Return the program's place below the template's directory."""
        return None if self.program is None else self.program.removeprefix("./")

    @property
    def program_name(self) -> str | None:
        """Return the program's bare name, as plans have it: its file without suffix and place."""
        return None if self.program is None else PurePosixPath(self.program).stem

    @property
    def needed_files(self) -> tuple[str, ...]:
        """Return the places of what the program needs beside it."""
        return tuple(each.removeprefix("./") for each in self.files)


class Templates(Mapping[str, Template]):
    """The templates that a pipeline may name, and why others cannot be used."""

    def __init__(
        self,
        known: Mapping[str, Template],
        refused: Mapping[str, str] | None = None,
        unseen: tuple[str, ...] = (),
    ) -> None:
        """Keep them.

        Args:
            known: by name.
            refused: why a template cannot be used, by name.
            unseen: what could not be looked into, a sentence each.
        """
        self._known = dict(known)
        self.refused = dict(refused or {})
        self.unseen = unseen

    def __getitem__(self, name: str) -> Template:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

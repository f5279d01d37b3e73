"""The pipelines that can be started by name: given directories first, the shipped ones last.

Nothing is kept from a file that has changed, see ``dsl.document.folders``. The rules:

1. Every ``*.yaml`` file of a directory is an entry under the ``name`` it declares, whatever
   the file is called. Directories are not searched further down.
2. Of two files with one name the first directory's wins, in a directory the first by file
   name; the other is reported.
3. A file that cannot be read, or names no pipeline, is reported and hides no other. A file
   that names one and is wrong otherwise is an entry: who starts it is told what is wrong.
4. Past ``CATALOGUE_FILES_MAX`` files the rest is left out, and that is reported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dsl.compiler import Compiled, compile_text
from dsl.document.folders import Folders
from dsl.document.loader import load
from dsl.errors import DslError, Severity
from dsl.limits import CATALOGUE_FILES_MAX
from dsl.template_folders import TemplateFolders
from dsl.tools.folders import ToolFolders
from dsl.values.names import NAME_PATTERN
from dsl.values.suggestions import suggest

EXAMPLES: Final = Path(__file__).parent / "examples"
_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One pipeline document on file."""

    name: str
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class CatalogueProblem:
    """Something about a file or directory that its owner should know."""

    path: Path
    message: str
    severity: Severity


class UnknownPipelineError(ValueError):
    """No entry has that name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        hint = suggest(name, known, what="pipelines")
        listed = f"; pipelines: {', '.join(known)}" if hint.startswith("did you mean") else ""
        super().__init__(f"no pipeline is named {name!r}: {hint}{listed}")


@dataclass(slots=True)
class _View:
    """What the directories hold right now."""

    entries: dict[str, CatalogueEntry] = field(default_factory=dict)
    problems: list[CatalogueProblem] = field(default_factory=list)

    def report(self, path: Path, message: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(CatalogueProblem(path, message, severity))


class Catalogue:
    """Finds and compiles pipelines by name."""

    def __init__(
        self,
        directories: Sequence[str | Path] = (),
        templates: TemplateFolders | None = None,
        servers: ToolFolders | None = None,
    ) -> None:
        """Look into ``directories``.

        Args:
            directories: those that are looked into, and then the shipped examples.
            templates: what stages may name; default: the shipped ones.
            servers: whose tools they may call; default: nothing is known of servers.
        """
        places = (*directories, EXAMPLES)
        # (1) directories are not searched further down
        self._folders = Folders(places, _read_entry, CATALOGUE_FILES_MAX)
        self._templates = templates or TemplateFolders()
        self._servers = servers or ToolFolders()

    def names(self) -> list[str]:
        """Return the names of all entries, sorted."""
        return sorted(self._look().entries)

    def entries(self) -> list[CatalogueEntry]:
        """Return all entries, sorted by name."""
        return [entry for _, entry in sorted(self._look().entries.items())]

    def problems(self) -> list[CatalogueProblem]:
        """Return what is wrong with the files and directories, in the order of looking."""
        return self._look().problems

    def find(self, name: str) -> CatalogueEntry:
        """Return the entry called ``name``.

        Raises:
            UnknownPipelineError: there is none; the message lists those there are.
        """
        entries = self._look().entries
        if name not in entries:
            raise UnknownPipelineError(name, sorted(entries))
        return entries[name]

    def load(self, name: str) -> Compiled:
        """Compile the entry called ``name``.

        Raises:
            UnknownPipelineError: there is none.
            DslError: its document is wrong.
        """
        entry = self.find(name)
        templates, servers = self._templates.look(), self._servers.look()
        return compile_text(entry.text, entry.path.name, templates, servers)

    def _look(self) -> _View:
        view = _View()
        for path, entry in self._folders.look(view.report):  # (3) (4) reported, and hides no other
            first = view.entries.setdefault(entry.name, entry)
            if first is not entry:  # (2) the first one wins
                message = f"pipeline {entry.name!r} is hidden by {first.path}"
                view.report(path, message, Severity.WARNING)
        return view


def _read_entry(path: Path, content: bytes) -> CatalogueEntry | str:
    try:
        loaded = load(content, path.name)
    except DslError as error:
        return str(error)
    name = loaded.data.get("name") if isinstance(loaded.data, dict) else None
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return f"names no pipeline: expected name: [a-z][a-z0-9-]*, got {name!r}"
    return CatalogueEntry(name, path, loaded.text)

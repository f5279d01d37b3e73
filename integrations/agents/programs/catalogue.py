"""The programs that templates name, as they lie on this machine right now.

1. A program and its files lie in the directory of their template, also when links were followed.
2. The digest of a program covers the template's own file and every file it names. Another byte in
   any of them makes another program. Where the work is an activity or a workflow of somebody
   else's, it covers the template: which type, of which task queue. What that does, nobody knows.
3. What is found wrong is one sentence that says what to do.
4. A Python package that a template requires can be read where it lies: an editable install lies in
   its checkout and not beside the interpreter. Of that nothing is opened whose name begins with a
   dot: ``.git`` and ``.env`` have credentials. The digest does not cover it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from dsl.limits import PROGRAM_BYTES_MAX, PROGRAM_FILES_MAX
from dsl.template_folders import TemplateFile, TemplateFolders
from dsl.values.canonical import digest_of
from integrations.agents.programs.editable import sources_of
from integrations.agents.programs.program import (
    Program,
    ProgramFile,
    interpreter_of,
    open_regular,
)
from integrations.agents.sandbox.spec import path_of
from integrations.errors import DeniedError, NotFoundError

_CACHES: Final = "__pycache__"
_Stamp = tuple[int, int, int, int]  # inode, nanoseconds of the last changes, bytes


class Programs:
    """Finds the programs of templates by name."""

    def __init__(self, directories: Sequence[Path] = (), agent_path: Sequence[Path] = ()) -> None:
        """Look where ``TemplateFolders`` looks.

        Args:
            directories: of templates, besides the shipped ones.
            agent_path: where the tools of agents lie, besides the system's own places.
        """
        self.folders = TemplateFolders(directories)
        self._directories = tuple(directories)
        self.path = path_of(agent_path)
        self._hashed: dict[Path, tuple[_Stamp, str]] = {}

    def digest(self, template: str) -> str:
        """Return what agents of ``template`` are bound to; empty while it has no program.

        Raises:
            NotFoundError, DeniedError: as ``find``.
        """
        found = self.template(template)
        if found.template.is_delegated:
            return digest_of({"template": found.digest, "files": {}})  # (2) no file of ours
        return "" if found.template.program is None else self._program(found).digest

    def find(self, template: str) -> Program:
        """Return the program of ``template``.

        Raises:
            NotFoundError: this machine has no such template.
            DeniedError: the template cannot be used, has no program of ours, or the program is
                not there, is not its own, or cannot be executed.
        """
        found = self.template(template)
        if found.template.is_delegated:
            raise DeniedError(
                f"template {template!r} is of runtime {found.template.runtime}: it has no program "
                "on this machine"
            )
        if found.template.program is None:
            raise DeniedError(
                f"template {template!r} has no program yet: use another, or bring one with a "
                "program (docs/agents.md)"
            )
        return self._program(found)

    def template(self, name: str) -> TemplateFile:
        """Return the file of the template ``name``.

        Raises:
            NotFoundError: there is none.
            DeniedError: it cannot be used.
        """
        view = self.folders.named(name)
        if name in view.refused:
            raise DeniedError(f"template {name!r} cannot be used: {view.refused[name]}")
        if name not in view.files:
            looked = ", ".join(map(str, self._directories)) or "no directory"
            raise NotFoundError(
                f"this worker has no template {name!r}: it looks in {looked}, beside what comes "
                "with Mandate; give all workers the same MANDATE_TEMPLATES"
            )
        return view.files[name]

    def _program(self, found: TemplateFile) -> Program:
        template = found.template
        root = found.path.parent.resolve()
        places = [template.program_file or "", *template.needed_files]
        files = tuple(self._files(template.name, root, places))
        if not template.interpreter and not files[0].executable:
            raise DeniedError(
                f"template {template.name!r}: {files[0].source} is not executable: chmod +x it, or "
                "name its interpreter"
            )
        digest = digest_of(  # (2) every file it names
            {"template": found.digest, "files": {each.place: each.digest for each in files}}
        )
        return Program(
            template.name,
            files[0].source,
            digest,
            files,
            interpreter_of(template.interpreter, self.path),
            tuple(Path(each) for each in template.sandbox.read),
            # (4) read where it lies
            tuple(place for tool in template.requires_tools for place in sources_of(tool)),
        )

    def _files(self, name: str, root: Path, places: Sequence[str]) -> Iterator[ProgramFile]:
        """Yield the files at ``places`` and below them, each once; the program itself first."""
        seen: set[str] = set()
        left = PROGRAM_BYTES_MAX
        for number, place in enumerate(places):
            what = "program" if number == 0 else "file"
            for path in _below(root / place) if number else [root / place]:
                at = str(path.relative_to(root))
                if at in seen:
                    continue
                seen.add(at)
                size, file = self._file(name, root, at, what)
                left -= size
                if len(seen) > PROGRAM_FILES_MAX or left < 0:
                    raise DeniedError(
                        f"template {name!r}: its program and files are more than "
                        f"{PROGRAM_FILES_MAX} files or {PROGRAM_BYTES_MAX >> 20} MiB: let it read "
                        "large things where they lie (sandbox.read)"
                    )
                yield file

    def _file(self, name: str, root: Path, at: str, what: str) -> tuple[int, ProgramFile]:
        try:
            path = (root / at).resolve(strict=True)
            if not path.is_relative_to(root):  # (1) in its template's directory, links followed
                raise DeniedError(
                    f"template {name!r}: {what} {at} leads out of {root}, to {path}: put it there "
                    "itself, not a link"
                )
            with open_regular(path) as opened:
                status = os.fstat(opened.fileno())
                stamp = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
                if self._hashed.get(path, (None, ""))[0] != stamp:
                    hexadecimal = hashlib.file_digest(opened, "sha256").hexdigest()
                    self._hashed[path] = (stamp, f"sha256:{hexadecimal}")
        except OSError as error:
            raise DeniedError(
                f"template {name!r}: {what} {root / at}: {(error.strerror or str(error)).lower()}"
            ) from None
        executable = bool(status.st_mode & 0o100)
        return status.st_size, ProgramFile(at, path, self._hashed[path][1], executable)


def _below(path: Path) -> Iterator[Path]:
    """Yield a file, or all files below a directory, in a fixed order."""
    if not path.is_dir():
        yield path
        return
    for where, folders, names in os.walk(path):
        folders[:] = sorted(set(folders) - {_CACHES})
        links = [each for each in folders if Path(where, each).is_symlink()]
        for each in sorted([*names, *links]):
            yield Path(where, each)

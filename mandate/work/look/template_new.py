"""``mandate template new``: begin a template of one's own.

1. What is written works as it is: a template, its program, a test that needs no Mandate, and a
   pipeline of one stage. Nothing that is there already is written over; then nothing is written.
2. It goes where a stack started in this folder looks; a name that is taken is refused first.
3. Beside it, where there is none yet, goes what git is to leave alone: a stack that is started here
   keeps passwords in the folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.shown.surfaces import Terminal
from dsl.values.names import NAME_PATTERN
from mandate import catalogue
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.stack import environment
from mandate.terminal import note, say

SKELETONS: Final = Path(__file__).parents[2] / "skeletons"
_PLACEHOLDER: Final = "NAME"


@dataclass(frozen=True, slots=True)
class Language:
    """How files of a language are called, and how a person tests them."""

    program: str
    test: str
    line: str


LANGUAGES: Final = {
    "python": Language("{}.py", "test_{}.py", "python3 {}"),
    "typescript": Language("{}.ts", "{}.test.ts", "bun test {}"),
    "shell": Language("{}.sh", "test_{}.sh", "sh {}"),
}


def new(name: str, language: str, into: Path | None, *, data_dir: Path | None) -> int:
    """Write a template called ``name``; return the exit code."""
    env = environment.present(data_dir)
    folder = into or catalogue.template_places(env)[-1]
    why = _refusal(name, language, env)
    if why is not None:
        note(Terminal.of("mandate template new: {}", why))
        return EXIT_USAGE
    made = _files(name, language, folder)
    there = [file for file in made if file.exists()]
    if there:  # (1) nothing is written over
        words = ", ".join(map(str, there))
        note(Terminal.of("mandate template new: {} is there already: give another name", words))
        return EXIT_USAGE
    files = made | _ignored(language, folder)
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    except OSError as error:
        note(Terminal.of("mandate template new: {}: {}", error.filename, error.strerror))
        return EXIT_FAILED
    *_, test, pipeline = map(_shown, made)
    say(*(Terminal.of("written  {}", _shown(file)) for file in files))
    say(Terminal.of("test     {}", LANGUAGES[language].line.format(Terminal.command("{}", test))))
    say(Terminal.of("run      {}", Terminal.command("mandate run {} --wait", pipeline)))
    return 0


def _refusal(name: str, language: str, env: Mapping[str, str]) -> str | None:
    if re.fullmatch(NAME_PATTERN, name) is None:
        return (
            f"expected a name of lower-case letters, digits and hyphens, starting with a letter, "
            f"got {name!r}"
        )
    if language not in LANGUAGES:
        return f"expected --language {' or '.join(LANGUAGES)}, got {language!r}"
    view = catalogue.templates(env).view()
    if name in view.files or name in view.refused:  # (2) a name that is taken
        return f"there is a template {name!r} already; see: `mandate list --templates`"
    return None


def _files(name: str, language: str, folder: Path) -> dict[Path, str]:
    """Return what is to be written, by file: template, program, test, pipeline."""
    of, skeleton = LANGUAGES[language], SKELETONS / language
    texts = {
        folder / f"{name}.yaml": skeleton / "template.yaml.txt",
        folder / of.program.format(name): skeleton / "program.txt",
        folder / of.test.format(name): skeleton / "test.txt",
        folder.parent / "pipelines" / f"{name}.yaml": SKELETONS / "pipeline.yaml.txt",
    }
    return {file: text.read_text().replace(_PLACEHOLDER, name) for file, text in texts.items()}


def _ignored(language: str, folder: Path) -> dict[Path, str]:
    """Return what git is to leave alone; nothing where it was told before (3)."""
    file = folder.parent / ".gitignore"
    return {} if file.exists() else {file: (SKELETONS / language / "gitignore.txt").read_text()}


def _shown(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)

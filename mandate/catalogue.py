"""The catalogue as the command line sees it: directories from the environment, names or files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dsl.catalogue import Catalogue
from dsl.compiler import Compiled, compile_text
from dsl.errors import report
from dsl.shown.surfaces import Terminal
from dsl.template_folders import TemplateFolders
from dsl.tools.folders import ToolFolders
from dsl.values.suggestions import nearest
from integrations.agents.programs.catalogue import Programs
from integrations.settings import (
    agent_directories,
    template_directories,
    usual_template_directories,
)
from mandate.people.errors import UsageError
from mandate.stack import environment

_SUFFIXES = (".yaml", ".yml", ".json")


def catalogue(data_dir: Path | None) -> Catalogue:
    """Return the catalogue of ``MANDATE_PIPELINES``, the shipped examples last."""
    env = environment.present(data_dir)
    folders = env.get("MANDATE_PIPELINES", "").split(os.pathsep)
    return Catalogue([Path(folder) for folder in folders if folder], templates(env), servers(env))


def templates(env: Mapping[str, str]) -> TemplateFolders:
    """Return the templates that pipelines may name here."""
    return TemplateFolders(template_places(env), usual_template_directories(env))


def servers(env: Mapping[str, str]) -> ToolFolders:
    """Return the tool servers that are declared here."""
    folders = env.get("MANDATE_TOOLS", "").split(os.pathsep)
    return ToolFolders([Path(folder) for folder in folders if folder])


def programs(env: Mapping[str, str]) -> Programs:
    """Return the programs of those templates, with the tools that agents find."""
    return Programs(template_places(env), agent_directories(env))


def template_places(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where templates lie; where nothing says so, in the folder a stack would look in."""
    return template_directories(env) or usual_template_directories(env)[-1:]


def compile_named(pipeline: str, data_dir: Path | None) -> Compiled:
    """Compile a file, or the catalogue's entry of that name.

    Raises:
        mandate.people.errors.UsageError: it looks like a file and cannot be read.
        dsl.catalogue.UnknownPipelineError: there is no such entry.
        dsl.errors.DslError: the document is wrong.
    """
    if not is_file_name(pipeline):
        return catalogue(data_dir).load(pipeline)
    try:
        content = Path(pipeline).read_bytes()
    except OSError as error:
        raise UsageError(
            "{}: expected a pipeline document, and it cannot be read: {}; {}",
            *(pipeline, error.strerror, _beside(Path(pipeline))),
        ) from None
    env = environment.present(data_dir)
    return compile_text(content, pipeline, templates(env).look(), servers(env).look())


def _beside(missing: Path) -> Terminal:
    """Return the document that was likely meant, of those in the same folder, else what may be."""
    try:
        names = [each.name for each in missing.parent.iterdir() if each.suffix in _SUFFIXES]
    except OSError:
        names = []
    close = nearest(missing.name, names)
    if close is not None and close != missing.name:
        return Terminal.of("did you mean {!r}?", str(missing.with_name(close)))
    return Terminal("name a file that is there, or a pipeline that `mandate list` shows")


def warned(pipeline: str, compiled: Compiled, data_dir: Path | None) -> list[Terminal]:
    """Return what ``mandate validate`` warns of, of what ``compile_named`` has compiled."""
    if not compiled.warnings:
        return []
    if is_file_name(pipeline):
        source, text = pipeline, Path(pipeline).read_text(encoding="utf-8")
    else:
        entry = catalogue(data_dir).find(pipeline)
        source, text = entry.path.name, entry.text
    return Terminal.report(report(source, compiled.warnings, text))


def is_file_name(pipeline: str) -> bool:
    """Tell whether a word names a file, by its suffix or a folder in it."""
    path = Path(pipeline)
    return path.suffix in _SUFFIXES or len(path.parts) > 1

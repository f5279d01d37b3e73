"""The catalogue as the command line sees it: directories from the environment, names or files."""

from __future__ import annotations

import os
from pathlib import Path

from dsl.catalogue import Catalogue
from dsl.compiler import Compiled, compile_text
from mandate.people.errors import UsageError
from mandate.stack import environment

_SUFFIXES = (".yaml", ".yml", ".json")


def catalogue(data_dir: Path | None) -> Catalogue:
    """Return the catalogue of ``MANDATE_PIPELINES``, the shipped examples last."""
    folders = environment.present(data_dir).get("MANDATE_PIPELINES", "").split(os.pathsep)
    return Catalogue([Path(folder) for folder in folders if folder])


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
            "{}: expected a pipeline document, and it cannot be read: {}; name a file that is "
            "there, or a pipeline that `mandate list` shows",
            pipeline,
            error.strerror,
        ) from None
    return compile_text(content, pipeline)


def is_file_name(pipeline: str) -> bool:
    """Tell whether a word names a file, by its suffix or a folder in it."""
    path = Path(pipeline)
    return path.suffix in _SUFFIXES or len(path.parts) > 1

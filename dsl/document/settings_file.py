"""A file of settings of a site, read as strictly as a pipeline: every mistake, where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from dsl.document.explain import WRONG_TYPE, explain
from dsl.document.loader import Loaded, load
from dsl.document.wording import shown
from dsl.errors import DslError, Position, Problem
from dsl.limits import DOCUMENT_BYTES_MAX

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


def content_of(path: Path, *, code: str) -> bytes:
    """Return what the file holds, or so much of it as says that it is too large.

    Raises:
        DslError: it cannot be read; the problem has ``code``.
    """
    try:
        with path.open("rb") as file:
            return file.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        problem = Problem(code, f"cannot be read: {error.strerror}", Position(1, 1))
        raise DslError(str(path), [problem]) from None


def parse_settings(
    content: str | bytes, source: str, model: type[SettingsModel], *, expected: str
) -> tuple[SettingsModel, Loaded]:
    """Return the settings in ``content``, which messages call ``source``, and their places.

    Raises:
        DslError: with every mistake of text and shape.
    """
    loaded = load(content, source)
    if not isinstance(loaded.data, dict):
        message = f"expected {expected}, got {shown(loaded.data)}"
        problem = Problem(WRONG_TYPE, message, loaded.marks.value(()))
        raise DslError(source, [problem], loaded.text)
    try:
        # As JSON, because strict Python data would have to hold tuples.
        return model.model_validate_json(json.dumps(loaded.data), strict=True), loaded
    except ValidationError as error:
        problems = explain(error.errors(include_url=False), loaded, model)
        raise DslError(source, problems, loaded.text) from None

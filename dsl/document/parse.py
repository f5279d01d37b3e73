"""From plain data to the typed document: ``parse``, and ``shaped`` for documents of other kinds.

Types are strict: what stands in the document is what is meant. ``retry: true`` is not one retry,
``quorum: "2"`` is not two, and ``version: 1.10`` is not a version, since YAML has made it 1.1
already. Names, order and governance are not looked at: ``dsl.checks``, ``dsl.checks.linter``.
"""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import ValidationError

from dsl.document.explain import explain
from dsl.document.loader import Loaded
from dsl.document.salvage import NO_PIPELINE, no_pipeline, validated
from dsl.document.wording import shown
from dsl.errors import DslError, Problem
from dsl.models import Document, Pipeline

D = TypeVar("D", bound=Document)


def parse(loaded: Loaded) -> Pipeline:
    """Return the document as a pipeline of the right shape.

    Raises:
        DslError: with every problem of shape.
    """
    if not isinstance(loaded.data, dict):
        raise DslError(loaded.source, [no_pipeline(loaded)], loaded.text)
    try:
        return validated(loaded.data)
    except ValidationError as error:
        problems = explain(error.errors(include_url=False), loaded)
        raise DslError(loaded.source, problems, loaded.text) from None


def shaped(loaded: Loaded, model: type[D], wanted: str) -> D:
    """Return the document as a ``model``; ``wanted`` says what that is.

    Raises:
        DslError: with every problem of shape.
    """
    if not isinstance(loaded.data, dict):
        message = f"expected {wanted}, got {shown(loaded.data)}"
        problem = Problem(NO_PIPELINE, message, loaded.marks.value(()))
        raise DslError(loaded.source, [problem], loaded.text)
    try:
        # As JSON, because strict Python data would have to hold tuples.
        return model.model_validate_json(
            json.dumps(loaded.data), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        problems = explain(error.errors(include_url=False), loaded, model)
        raise DslError(loaded.source, problems, loaded.text) from None

"""From plain data to the typed document: ``parse``.

Types are strict: what stands in the document is what is meant. ``retry: true`` is not one
retry, ``quorum: "2"`` is not two, and ``version: 1.10`` is not a version, since YAML has made
it 1.1 already. Names, order and governance are not looked at: ``dsl.checks``, ``dsl.linter``.
"""

from __future__ import annotations

import json
from typing import Final

from pydantic import ValidationError

from dsl.errors import DslError, Problem
from dsl.explain import explain
from dsl.loader import Loaded
from dsl.models import Pipeline
from dsl.wording import shown

NO_PIPELINE: Final = "DSL211"


def parse(loaded: Loaded) -> Pipeline:
    """Return the document as a pipeline of the right shape.

    Raises:
        DslError: with every problem of shape.
    """
    if not isinstance(loaded.data, dict):
        message = f"expected a pipeline with name, version and stages, got {shown(loaded.data)}"
        problem = Problem(NO_PIPELINE, message, loaded.marks.value(()))
        raise DslError(loaded.source, [problem], loaded.text)
    try:
        # As JSON, because strict Python data would have to hold tuples.
        return Pipeline.model_validate_json(
            json.dumps(loaded.data), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        problems = explain(error.errors(include_url=False), loaded)
        raise DslError(loaded.source, problems, loaded.text) from None

"""From plain data to the typed document: ``parse``.

Types are strict: what stands in the document is what is meant. ``retry: true`` is not one retry,
``quorum: "2"`` is not two, and ``version: 1.10`` is not a version, since YAML has made it 1.1
already. Names, order and governance are not looked at: ``dsl.checks``, ``dsl.checks.linter``.
"""

from __future__ import annotations

from pydantic import ValidationError

from dsl.document.explain import explain
from dsl.document.loader import Loaded
from dsl.document.salvage import no_pipeline, validated
from dsl.errors import DslError
from dsl.models import Pipeline


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

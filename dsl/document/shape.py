"""Where in the document's models a validation error belongs.

Pydantic names a place by field aliases, list indexes, and the tag of each discriminated union
it went through; an author knows only the first two. Following the models, instead of guessing
from the data, also tells which model holds the place, and so which fields it could have had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from dsl.models import Pipeline, Stage
from dsl.stages.stage import AnyStage

STAGE_MODELS: Final[dict[str, type[AnyStage]]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in get_args(get_args(Stage)[0])
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document."""

    path: tuple[str | int, ...]  # as the author sees it
    holder: type[BaseModel] | None  # the model whose field it is; None within a list or mapping


def locate(loc: Sequence[str | int], root: type[BaseModel] = Pipeline) -> Place:
    """Follow pydantic's ``loc`` from the ``root`` of the document down."""
    kind: Any = root
    holder: type[BaseModel] | None = None
    path: list[str | int] = []
    for item in loc:
        kind = _bare(kind)
        if get_origin(kind) in (Union, UnionType):
            kind = STAGE_MODELS[str(item)]  # the tag, which is not in the document
            continue
        path.append(item)
        holder = kind if _is_model(kind) else None
        kind = _child(kind, item)
    return Place(tuple(path), holder)


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the types of the fields, by the names that authors write."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def model_of(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """Return the model of what ``field`` holds, or None if it is not there or no model."""
    kind = _bare(fields_of(model).get(field))
    return kind if _is_model(kind) else None


def _child(kind: Any, item: str | int) -> Any:
    if _is_model(kind):
        return fields_of(kind).get(str(item))
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if get_origin(kind) is tuple else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _bare(kind: Any) -> Any:
    """Strip ``Annotated`` and ``| None``."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        some = [argument for argument in get_args(kind) if argument is not NoneType]
        if len(some) == 1:
            return _bare(some[0])
    return kind

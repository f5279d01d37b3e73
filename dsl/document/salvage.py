"""What can be read of a document whose shape is wrong: ``salvage``.

Where something is wrong another thing stands in for it that no author has written, so that the rest
has a meaning that can be checked. Nothing is ever run or pinned of it. The rules:

1. What stands in is in doubt (``dsl.document.doubts``), and so is what a misspelt field was meant
   for.
2. A name of a wrong form stands for the one that its hint proposes, so others may name it so.
3. A stage of an unknown type is one of the type it looks like, and is read on as that. One that
   looks like none has its name and what it requires, and the rest of it is in doubt.
4. What shows only then is reported with the rest, unless it stands in what is in doubt.
5. Reading ends where too much is wrong, or where nothing more can be mended.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from dsl.document.doubts import NONE, Doubts
from dsl.document.explain import UNKNOWN, mistakes_in, tell
from dsl.document.hints import meant_by
from dsl.document.loader import MERGED, Loaded, Path
from dsl.document.mistakes import Mistake
from dsl.document.shape import STAGE_MODELS, fields_of, model_of
from dsl.document.wording import candidate, shown
from dsl.errors import TOO_MANY_PROBLEMS, Problem
from dsl.limits import DOCUMENT_DEPTH_MAX
from dsl.models import Pipeline
from dsl.values.names import NAME_PATTERN
from dsl.values.suggestions import nearest

NO_PIPELINE: Final = "DSL211"
ROUNDS_MAX: Final = DOCUMENT_DEPTH_MAX  # each reads at least one level further down
_NO_TYPE: Final = ("union_tag_invalid", "union_tag_not_found")  # of pydantic
_WORD: Final = "unread"
_STAGE: Final = {"type": "gate", "name": _WORD, "config": {}}
_RULE: Final = {"server": _WORD, "tool": _WORD, "policy": "deny"}
_BRANCH: Final = {"name": _WORD, "stages": [_STAGE]}
FIELDS: Final[dict[str, Any]] = {  # that have to be there
    "version": "0",
    "config": {},
    "stages": [_STAGE],
    "branches": [_BRANCH],
    "if": "true",
    "then": [_STAGE],
    "approvers": [_WORD],
    "stage": _WORD,
    "errors": 1,
    "window": "1s",
    **_RULE,
    "to": _WORD,
    "calls": 1,
    **{field: word for model in STAGE_MODELS.values() for field, word in model.STAND_INS.items()},
}
ITEMS: Final[dict[str, Any]] = {
    "stages": _STAGE,
    "then": _STAGE,
    "else": _STAGE,
    "branches": _BRANCH,
    "requires": _WORD,
    "tcp": 1,
    "write": _WORD,
    "approvers": _WORD,
    "groups": {"name": _WORD},
    "exclude": "starter",
    "identity": "verified",
    "approves": _WORD,
    "members": {"stage": _WORD},
    "tools": _RULE,
    "notify": {"to": _WORD},
    "when": "ended",
}
_MODELS: Final[tuple[type[BaseModel], ...]] = (Pipeline, *STAGE_MODELS.values())
_ALL_FIELDS: Final = frozenset(
    field
    for model in _MODELS
    for holder in (model, model_of(model, "config"))
    if holder is not None
    for field in fields_of(holder)
)


def _own(fields: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the fields that one kind of stage has and no other."""
    return {
        kind: names.difference(*(each for other, each in fields.items() if other != kind))
        for kind, names in fields.items()
    }


_OWN: Final = _own({kind: frozenset(fields_of(model)) for kind, model in STAGE_MODELS.items()})
_OWN_CONFIG: Final = _own(
    {
        kind: frozenset(fields_of(config) if (config := model_of(model, "config")) else ())
        for kind, model in STAGE_MODELS.items()
    }
)


@dataclass(frozen=True, slots=True)
class Salvage:
    """A document as far as it can be read."""

    pipeline: Pipeline | None  # None: nothing of it has a meaning
    doubts: Doubts
    problems: tuple[Problem, ...]  # all of the text and the shape; none: nothing stands in


def salvage(loaded: Loaded) -> Salvage:
    """Read a document as a pipeline, and on where a mistake leaves the rest readable."""
    if not isinstance(loaded.data, dict):
        wrong = () if () in loaded.doubts else (no_pipeline(loaded),)
        return Salvage(None, NONE, (*loaded.problems, *wrong))
    mender = _Mender(copy.deepcopy(loaded.data) if loaded.doubts else loaded.data, loaded)
    problems = list(loaded.problems)
    for _ in range(ROUNDS_MAX):
        try:
            pipeline = validated(mender.data)
        except ValidationError as error:
            mistakes = mistakes_in(error.errors(include_url=False), loaded)
            doubts = Doubts(mender.doubts)
            # (4) not what stands in doubt
            problems += tell([each for each in mistakes if not doubts.cover(_about(each))])
            too_many = any(problem.code == TOO_MANY_PROBLEMS for problem in problems)
            if too_many or not mender.mend(mistakes):  # (5) too much is wrong, or nothing is left
                break
        else:
            return Salvage(pipeline, Doubts(mender.doubts), tuple(problems))
    return Salvage(None, Doubts(mender.doubts), tuple(problems))


def no_pipeline(loaded: Loaded) -> Problem:
    """Return the problem of a document that is no mapping."""
    message = f"expected a pipeline with name, version and stages, got {shown(loaded.data)}"
    return Problem(NO_PIPELINE, message, loaded.marks.value(()))


def validated(data: Any) -> Pipeline:
    """Return ``data`` as a pipeline.

    Raises:
        pydantic.ValidationError: it has not the shape of one.
    """
    # As JSON, because strict Python data would have to hold tuples.
    return Pipeline.model_validate_json(json.dumps(data), strict=True, by_alias=True, by_name=False)


class _Mender:
    """Puts what stands in where something is wrong, and notes it."""

    def __init__(self, data: Any, loaded: Loaded) -> None:
        self.data = data
        self.doubts: set[Path] = set()
        self._is_ours = data is not loaded.data
        self._count = 0
        for place in loaded.doubts:
            self._note(place)

    def mend(self, mistakes: list[Mistake]) -> bool:
        """Mend all that can be; return whether there was anything."""
        if not self._is_ours:
            self.data, self._is_ours = copy.deepcopy(self.data), True
        mended = [self._one(mistake) for mistake in mistakes]
        return any(mended)

    def _one(self, mistake: Mistake) -> bool:
        *around, last = mistake.path
        try:
            parent = self._at(tuple(around))
            return self._mend(mistake, parent, last)
        except (LookupError, TypeError):  # what it stood in was replaced already
            return False

    def _mend(self, mistake: Mistake, parent: Any, last: str | int) -> bool:
        match mistake.details["type"]:
            case kind if kind == UNKNOWN:
                del parent[last]
                meant = meant_by(mistake)
                # (1) what stands in is in doubt
                self.doubts |= {mistake.path, *((meant,) if meant is not None else ())}
                return True
            case kind if kind in _NO_TYPE:
                self._retype(mistake.path, parent, last)
                return True
            case "too_short" if len(mistake.value) >= mistake.context["min_length"]:
                return False  # its items are what is wrong
        name = _name_at(mistake)
        if name is not None:
            parent[last] = name  # (2) the one that its hint proposes
            return True
        self.doubts.add(mistake.path)  # (1) what stands in is in doubt
        if mistake.is_key or _may_be_left_out(mistake.place.holder, last, parent):
            del parent[last]
        else:
            parent[last] = self._stand_in(mistake, parent, last)
        return True

    def _stand_in(self, mistake: Mistake, parent: Any, last: str | int) -> Any:
        if last == "name":
            self._count += 1
            return f"unnamed-{self._count}"
        is_item = isinstance(parent, list)
        known = ITEMS[str(mistake.path[-2])] if is_item else FIELDS[str(last)]
        return copy.deepcopy(known)

    def _retype(self, path: Path, parent: Any, last: str | int) -> None:
        """Give a stage the type it looks like (3)."""
        stage = parent[last]
        found = _type_of(stage)
        if found is not None:
            stage["type"] = found
            return
        kept = {field: stage[field] for field in ("name", "requires") if field in stage}
        parent[last] = {**copy.deepcopy(_STAGE), **kept}
        if "name" not in kept:
            del parent[last]["name"]
        self.doubts |= {(*path, field) for field in _ALL_FIELDS - kept.keys() - {"name"}}

    def _note(self, place: Path) -> None:
        """Take over a doubt of the loader; what is merged may be any field that is not there."""
        if place[-1:] != (MERGED,):
            self.doubts.add(place)
            return
        try:
            there = self._at(place[:-1])
        except (LookupError, TypeError):  # under a key that was refused
            return
        self.doubts |= {(*place[:-1], field) for field in _ALL_FIELDS - there.keys()}

    def _at(self, path: Path) -> Any:
        found = self.data
        for item in path:
            found = found[item]
        return found


def _about(mistake: Mistake) -> Path:
    return (*mistake.path, "type") if mistake.details["type"] in _NO_TYPE else mistake.path


def _name_at(mistake: Mistake) -> str | None:
    """Return the name of the right form that a wrong one was meant to be."""
    is_name = mistake.path[-1] == "name" and mistake.context.get("pattern") == NAME_PATTERN
    return candidate(str(mistake.value), NAME_PATTERN) if is_name else None


def _may_be_left_out(holder: type[BaseModel] | None, last: str | int, parent: Any) -> bool:
    if holder is None:
        return isinstance(parent, dict)
    fields = {field.alias or name: field for name, field in holder.model_fields.items()}
    return not fields[str(last)].is_required()


def _type_of(stage: dict[str, Any]) -> str | None:
    """Return the type that a stage was meant to have, by its name or else by its fields."""
    word = stage.get("type")
    named = nearest(word.lower(), STAGE_MODELS) if isinstance(word, str) else None
    if named is not None:
        return named
    config = stage.get("config")
    said = config.keys() if isinstance(config, dict) else frozenset[str]()
    return _with_one_of(stage.keys(), _OWN) or _with_one_of(said, _OWN_CONFIG)


def _with_one_of(fields: AbstractSet[str], own: Mapping[str, AbstractSet[str]]) -> str | None:
    return next((kind for kind, names in own.items() if fields & names), None)

"""The loader: YAML text in, plain data with the place of every value out.

JSON is read as the YAML it is. The data is built here, from PyYAML's events: PyYAML's own
constructors keep YAML 1.1, let the last duplicate win, and in C crash on deep nesting. The
loader knows nothing of pipelines; ``dsl.document.parse`` does.

It refuses, besides what ``dsl.document.text`` and ``dsl.document.scalars`` refuse:

1. More values or levels than the limits: a hostile file costs milliseconds.
2. Duplicate keys, keys that are not text, merge keys: two readers would disagree.
3. Aliases, anchors, tags, a second document: a document is data, written out.

A mistake of kind 2, an alias, an anchor, a tag or a wrong number does not end the reading: all of
them are reported together, and ``read`` gives the rest, with the places that are in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml

from dsl import limits
from dsl.document.scalars import resolve
from dsl.document.syntax import explain
from dsl.document.text import CHARACTER, START, as_yaml, decode, from_json, is_json, too_deep
from dsl.errors import TOO_MANY_PROBLEMS, DslError, Position, Problem

SYNTAX: Final = "DSL101"
DUPLICATE_KEY: Final = "DSL102"
ALIAS: Final = "DSL103"
ANCHOR: Final = "DSL104"
TAG: Final = "DSL105"
SECOND_DOCUMENT: Final = "DSL106"
MERGE_KEY: Final = "DSL107"
KEY_NOT_TEXT: Final = "DSL108"
TOO_MANY_VALUES: Final = "DSL111"
NUMBER: Final = "DSL112"
MERGED: Final = "<<"

Path = tuple[str | int, ...]

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_NO_SHARING: Final = (
    "write it out where it is used, or leave it out: a stage takes tier, timeout and inputs from "
    "its template"
)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where every value and every key of a document stands."""

    values: Mapping[Path, Position]
    keys: Mapping[Path, Position]

    def value(self, path: Path) -> Position:
        """Return where the value at ``path`` starts, or its nearest ancestor that exists."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.values:
                return self.values[path[:end]]
        return START

    def key(self, path: Path) -> Position:
        """Return where the key of ``path`` starts; for an item of a list, the item."""
        return self.keys.get(path) or self.value(path)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document as plain data, and all that is needed to point into it."""

    data: Any  # None, bool, int, finite float, str, list, or dict with text keys
    marks: Marks
    text: str
    source: str
    problems: tuple[Problem, ...] = ()  # that did not end the reading
    doubts: frozenset[Path] = frozenset()  # places of which ``data`` does not have what was meant


def load(text: str | bytes, source: str) -> Loaded:
    """Read one YAML or JSON document; an empty one is ``None``.

    Args:
        text: the document.
        source: what messages call it, such as its file name.

    Raises:
        DslError: with every problem that could be found.
    """
    return _whole(read(text, source))


def read(text: str | bytes, source: str) -> Loaded:
    """Read as ``load`` does, and raise only where nothing behind a mistake can be read."""
    decoded = decode(text, source)
    return _read(decoded, source, as_json=is_json(decoded))


def load_data(data: Any, source: str) -> Loaded:
    """Take a document as ``read_data`` does; raise as ``load`` does."""
    return _whole(read_data(data, source))


def read_data(data: Any, source: str) -> Loaded:
    """Take a document that came as decoded JSON; positions point into it, pretty-printed.

    Raises:
        DslError: as ``read``, and for values that JSON cannot hold.
    """
    return _read(from_json(data, source), source, as_json=True)


def _whole(loaded: Loaded) -> Loaded:
    if loaded.problems:
        raise DslError(loaded.source, loaded.problems, loaded.text)
    return loaded


def _read(text: str, source: str, *, as_json: bool) -> Loaded:
    builder = _TreeBuilder(text, source, as_json)
    try:
        for event in yaml.parse(as_yaml(text), Loader=_PARSER):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        builder.end(SYNTAX, *explain(error, text))
    return builder.finish()


@dataclass(slots=True)
class _Frame:
    """A list or a mapping that is still open."""

    path: Path
    items: list[Any] | dict[str | int, Any]
    key: str | int | None = None  # of the value to come; an int stands for a refused key


@dataclass(slots=True)
class _TreeBuilder:
    """Data, marks and problems, grown event by event."""

    text: str
    source: str
    as_json: bool
    root: Any = None
    stack: list[_Frame] = field(default_factory=list)
    values: dict[Path, Position] = field(default_factory=lambda: {(): START})
    keys: dict[Path, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    doubts: set[Path] = field(default_factory=set)
    in_doubt: bool = False  # the value that is about to be placed
    nodes: int = 0
    documents: int = 0

    def feed(self, event: yaml.Event) -> None:
        mark: Any = event.start_mark  # typed optional, but every parsed event has one
        at = Position(mark.line + 1, mark.column + 1)
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:  # (3) a second document
                    self.end(SECOND_DOCUMENT, "a second document starts here", at, "split the file")
            case yaml.AliasEvent():
                message = f"aliases are not supported, got '*{event.anchor}'"
                self._doubt(ALIAS, message, at, _NO_SHARING)  # (3) an alias
                self._place(None, at)
            case yaml.ScalarEvent():
                self._admit(event, at)
                self._scalar(event, at)
            case yaml.CollectionStartEvent():
                self._admit(event, at)
                self._open(event, at)
            case yaml.CollectionEndEvent():
                self.stack.pop()
            case _:
                pass

    def finish(self) -> Loaded:
        marks, problems = Marks(self.values, self.keys), tuple(self.problems)
        doubts = frozenset(self.doubts)
        return Loaded(self.root, marks, self.text, self.source, problems, doubts)

    def end(self, code: str, message: str, at: Position, hint: str = "") -> NoReturn:
        """Refuse what makes further reading pointless."""
        self._refuse(code, message, at, hint)
        raise DslError(self.source, self.problems, self.text)

    def _doubt(self, code: str, message: str, at: Position, hint: str = "") -> None:
        """Refuse what is written for the value that comes next."""
        self._refuse(code, message, at, hint)
        self.in_doubt = True

    def _refuse(self, code: str, message: str, at: Position, hint: str = "") -> None:
        self.problems.append(Problem(code, message[: limits.MESSAGE_LENGTH_MAX], at, hint))
        if len(self.problems) == limits.PROBLEMS_MAX:
            message = f"{limits.PROBLEMS_MAX} errors: the rest is not shown"
            self.problems.append(Problem(TOO_MANY_PROBLEMS, message, at))
            raise DslError(self.source, self.problems, self.text)

    def _admit(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, at: Position) -> None:
        self.nodes += 1
        if self.nodes > limits.DOCUMENT_NODES_MAX:  # (1) too many values
            self.end(TOO_MANY_VALUES, f"more than {limits.DOCUMENT_NODES_MAX} values", at)
        if event.anchor is not None:  # (3) an anchor
            message, hint = f"anchors are not supported, got '&{event.anchor}'", _NO_SHARING
            self._refuse(ANCHOR, message, at, hint)
        if event.tag is not None:  # (3) a tag
            hint = "remove it; quotes make a value text"
            self._refuse(TAG, f"tags are not supported, got {event.tag!r}", at, hint)
            self.in_doubt = isinstance(event, yaml.ScalarEvent)  # of others it changes nothing

    def _open(self, event: yaml.CollectionStartEvent, at: Position) -> None:
        if len(self.stack) >= limits.DOCUMENT_DEPTH_MAX:  # (1) too deep
            self._refuse_depth(at)
        items: list[Any] | dict[str | int, Any] = {}
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
        if self._wants_key():  # (2) no key comes twice
            self._refuse(KEY_NOT_TEXT, "a key is text, got a list or a mapping", at)
        self.stack.append(_Frame(self._place(items, at), items))

    def _refuse_depth(self, at: Position) -> None:
        self.problems.append(too_deep(at))
        raise DslError(self.source, self.problems, self.text)

    def _scalar(self, event: yaml.ScalarEvent, at: Position) -> None:
        value: Any = event.value
        if not event.style:
            try:
                value = resolve(event.value, is_json=self.as_json)
            except ValueError as error:
                hint = (
                    f'write plain decimal digits, or in quotes if it is text: "{event.value[:60]}"'
                )
                self._doubt(NUMBER, str(error), at, hint)
        elif event.style == '"' and _NOT_TEXT.search(value):  # elsewhere nothing is escaped
            self._doubt(CHARACTER, "an escape stands for a character that is not text", at)
            value = _NOT_TEXT.sub("\ufffd", value)
        if self._wants_key() and self._is_key(event, value, at):
            self.stack[-1].key = value
            self.keys[(*self.stack[-1].path, value)] = at
            self.in_doubt = False
        else:
            self._place(value, at)

    def _wants_key(self) -> bool:
        if not self.stack:
            return False
        return isinstance(self.stack[-1].items, dict) and self.stack[-1].key is None

    def _is_key(self, event: yaml.ScalarEvent, value: Any, at: Position) -> bool:
        frame = self.stack[-1]
        if not isinstance(value, str):  # (2) a key is text
            hint = "put it in quotes"
            self._refuse(KEY_NOT_TEXT, f"key {event.value!r} is not text", at, hint)
        elif value == MERGED and not event.style:  # (2) a merge key
            message = "merge keys ('<<') are not supported"
            self._refuse(MERGE_KEY, message, at, _NO_SHARING)
            self.doubts.add((*frame.path, MERGED))
        elif value in frame.items:  # (2) it was there already
            first = self.keys[(*frame.path, value)].line
            message = f"duplicate key {value!r}, first at line {first}"
            self._refuse(DUPLICATE_KEY, message, at, "remove one of the two")
            self.doubts.add((*frame.path, value))
        else:
            return True
        return False

    def _place(self, value: Any, at: Position) -> Path:
        """Put ``value`` where it belongs; in the place of a key, note that one was refused."""
        path: Path = ()
        if not self.stack:
            self.root = value
        else:
            frame = self.stack[-1]
            if isinstance(frame.items, list):
                path = (*frame.path, len(frame.items))
                frame.items.append(value)
            elif frame.key is None:
                frame.key = len(self.problems)
                self.in_doubt = False
                return frame.path
            else:
                path = (*frame.path, frame.key)
                if isinstance(frame.key, str):  # of a refused key the value is refused, too
                    frame.items[frame.key] = value
                frame.key = None
        if self.in_doubt:
            self.doubts.add(path)
            self.in_doubt = False
        self.values[path] = at
        return path

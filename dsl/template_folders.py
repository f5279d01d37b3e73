"""The templates that pipelines may name: those of given directories, and the shipped ones.

Reads the YAML and nothing beside it. The rules:

1. ``<name>.yaml`` is the template ``name``, and says so.
2. Two of one name are both refused, whoever wrote them: a name must not change what it means by
   where somebody looked first. So nobody takes the name of a shipped one.
3. One that cannot be used hides no other. Who names it is told what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

from dsl.document.folders import Folders
from dsl.document.loader import load
from dsl.document.parse import shaped
from dsl.errors import DslError
from dsl.limits import TEMPLATE_FILES_MAX
from dsl.stages.fields import NAME_PATTERN
from dsl.templates import Template, Templates
from dsl.values.canonical import digest_of_bytes

# Beside the programs they name, which are no business of this layer.
SHIPPED: Final = Path(__file__).parents[1] / "integrations" / "agents" / "templates"
PROBLEMS_TOLD_MAX: Final = 5
_NAME: Final = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """One template on file."""

    template: Template
    path: Path
    digest: str  # of the file


_Look = Callable[[Callable[[Path, str], None]], Iterator[tuple[Path, TemplateFile]]]


@dataclass(frozen=True, slots=True)
class TemplateView:
    """What the directories hold right now."""

    files: Mapping[str, TemplateFile]
    refused: Mapping[str, str]  # why a template cannot be used, by name
    problems: tuple[tuple[Path, str], ...]  # of files that are no template, and of directories

    def templates(self) -> Templates:
        """Return what a pipeline may name."""
        known = {name: each.template for name, each in self.files.items()}
        return Templates(known, self.refused, tuple(f"{path} {why}" for path, why in self.problems))


class TemplateFolders:
    """Finds templates by name."""

    def __init__(self, directories: Sequence[str | Path] = ()) -> None:
        """Look into ``directories``, and for the shipped ones."""
        self._folders = Folders((*directories, SHIPPED), _read, TEMPLATE_FILES_MAX)

    def look(self) -> Templates:
        """Return the templates there are right now."""
        return self.view().templates()

    def view(self) -> TemplateView:
        """Return the files behind them, too."""
        return _view(self._folders.look)

    def named(self, name: str) -> TemplateView:
        """Return as much of that as concerns the template ``name``."""
        if _NAME.fullmatch(name) is None:
            return TemplateView({}, {}, ())
        return _view(partial(self._folders.named, name))


def _view(look: _Look) -> TemplateView:
    found: dict[str, list[TemplateFile]] = {}
    refused: dict[str, list[str]] = {}
    problems: list[tuple[Path, str]] = []

    def report(path: Path, why: str) -> None:
        if path.suffix == ".yaml" and _NAME.fullmatch(path.stem):
            refused.setdefault(path.stem, []).append(f"{path}: {why}")  # (3) hides no other
        else:
            problems.append((path, why))

    for path, each in look(report):
        found.setdefault(path.stem, []).append(each)
    for name in [*found]:
        if len(found[name]) + len(refused.get(name, ())) > 1:  # (2) both are refused
            places = [str(each.path) for each in found.pop(name)]
            refused.setdefault(name, []).append(_twice(places))
    return TemplateView(
        {name: each for name, (each,) in found.items()},
        {name: "; ".join(whys) for name, whys in refused.items()},
        tuple(problems),
    )


@cache
def shipped() -> Templates:
    """Return the templates that come with Mandate, read once."""
    return TemplateFolders().look()


def _twice(places: Sequence[str]) -> str:
    if len(places) == 1:
        return f"{places[0]} has the same name"
    ours = f", and {SHIPPED} comes with Mandate" if Path(places[-1]).parent == SHIPPED else ""
    return f"two templates have that name, {' and '.join(places)}{ours}: rename one of them"


def _read(path: Path, content: bytes) -> TemplateFile | str:
    if _NAME.fullmatch(path.stem) is None:
        return "is no template: expected a file name of lower-case letters, digits and hyphens"
    try:
        template = shaped(load(content, path.name), Template, "a template with name and program")
    except DslError as error:
        return _summary(error)
    if template.name != path.stem:  # (1) the file says so too
        return f"name: expected {path.stem!r}, as the file is called, got {template.name!r}"
    return TemplateFile(template, path, digest_of_bytes(content))


def _summary(error: DslError) -> str:
    told = [
        f"line {each.at.line}, {each.message}" + (f" ({each.hint})" if each.hint else "")
        for each in error.problems[:PROBLEMS_TOLD_MAX]
    ]
    left = len(error.problems) - len(told)
    return "; ".join([*told, *([f"and {left} more"] if left else [])])

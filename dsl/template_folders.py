"""The templates that pipelines may name: those of given directories, and the shipped ones.

Reads the YAML and nothing beside it; how a template is found by its name, and what two of one name
mean, is said in ``dsl.document.named_folders``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dsl.document.loader import load
from dsl.document.named_folders import NamedFolders, NamedView
from dsl.document.parse import shaped
from dsl.limits import TEMPLATE_FILES_MAX
from dsl.templates import Template, Templates
from dsl.values.canonical import digest_of_bytes

# Beside the programs they name, which are no business of this layer.
SHIPPED: Final = Path(__file__).parents[1] / "integrations" / "agents" / "templates"


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """One template on file."""

    template: Template
    path: Path
    digest: str  # of the file


TemplateView = NamedView[TemplateFile]


class TemplateFolders:
    """Finds templates by name."""

    def __init__(
        self, directories: Sequence[str | Path] = (), usual: Collection[Path] = ()
    ) -> None:
        """Look into ``directories``, of which ``usual`` need not be there, and for shipped ones."""
        self._folders = NamedFolders(
            directories, _read, TEMPLATE_FILES_MAX, what="templates", shipped=SHIPPED, usual=usual
        )

    def look(self) -> Templates:
        """Return the templates there are right now."""
        view = self.view()
        known = {name: each.template for name, each in view.files.items()}
        return Templates(known, view.refused, tuple(f"{path} {why}" for path, why in view.problems))

    def view(self) -> TemplateView:
        """Return the files behind them, too."""
        return self._folders.view()

    def named(self, name: str) -> TemplateView:
        """Return as much of that as concerns the template ``name``."""
        return self._folders.named(name)


@cache
def shipped() -> Templates:
    """Return the templates that come with Mandate, read once."""
    return TemplateFolders().look()


def _read(path: Path, content: bytes) -> TemplateFile | str:
    template = shaped(load(content, path.name), Template, "a template with name and program")
    if template.name != path.stem:  # the file says so too
        return f"name: expected {path.stem!r}, as the file is called, got {template.name!r}"
    return TemplateFile(template, path, digest_of_bytes(content))

"""The form of names that documents give: of stages, templates, people's files and tool servers."""

from __future__ import annotations

from typing import Final

NAME_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"

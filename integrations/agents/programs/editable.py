"""Where a Python package lies that was installed editable: in its checkout, beside no interpreter.

What was installed as usual lies in the interpreter's own directories, which every agent may read.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dsl.templates import RequiredTool
from dsl.values.strict_json import JsonError, read

_RECORD = "direct_url.json"
_RECORD_BYTES_MAX = 64 << 10


def sources_of(tool: RequiredTool) -> tuple[Path, ...]:
    """Return the checkout of the package that ``tool`` is; none where it is not editable."""
    if tool.distribution is None:
        return ()
    try:
        text = importlib.metadata.distribution(tool.distribution).read_text(_RECORD)
        record = read((text or "{}").encode(), bytes_max=_RECORD_BYTES_MAX)
    except (importlib.metadata.PackageNotFoundError, JsonError):
        return ()  # whether it is there is asked elsewhere
    info = record.get("dir_info") if isinstance(record, dict) else None
    url = urlsplit(str(record.get("url"))) if isinstance(record, dict) else urlsplit("")
    is_editable = isinstance(info, dict) and info.get("editable") is True
    return (Path(unquote(url.path)),) if is_editable and url.scheme == "file" else ()

"""What an agent says its next try may begin from, read while it is still at work.

1. ``data`` is an object of at most ``CHECKPOINT_BYTES_MAX``, redacted like whatever an agent says.
   What is larger is a file: ``path`` is its bare name at the top of the private directory.
2. The agent is alive and may change what it announced. So the file is opened without following
   links, by its name in the directory that the worker holds, and must be a regular one without a
   second name; what was read then is the checkpoint. One that is written on meanwhile is the
   agent's own loss: write it, then announce it.
3. A file that holds a secret is refused: it would outlive the credential.
4. At most ``CHECKPOINTS_MAX`` in one try.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.core import OUTPUT_NAME_PATTERN
from dsl.limits import ARTIFACT_BYTES_MAX, CHECKPOINT_BYTES_MAX, CHECKPOINTS_MAX
from dsl.values.canonical import canonical
from integrations.agents.contract.protocol import LEAK, AgentError, broken
from integrations.redaction import Redactor

FILE_NAME: Final = "checkpoint"  # under which the next try finds it
_NAME: Final = re.compile(OUTPUT_NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: canonical JSON, or the content of a file."""

    content: bytes
    is_file: bool = False


class Checkpoints:
    """Reads the checkpoints of one try, and hands each on."""

    def __init__(
        self,
        directory: Path,
        redact: Redactor,
        keep: Callable[[Checkpoint], None] | None,
    ) -> None:
        self._directory = directory
        self._redact = redact
        self._keep = keep
        self._count = 0
        self.found_in: Callable[[], Path | None] = lambda: None  # where its files are, once it runs

    def take(self, message: Mapping[str, Any]) -> None:
        """Read one checkpoint and hand it on.

        Raises:
            AgentError: of kind ``protocol`` or ``leak``: it is none.
        """
        self._count += 1
        if self._count > CHECKPOINTS_MAX:  # (4) so many in one try
            raise broken(f"more than {CHECKPOINTS_MAX} checkpoints")
        data, path = message.get("data"), message.get("path")
        if (data is None) == (path is None):
            raise broken("a checkpoint has data or a path, and not both")
        checkpoint = Checkpoint(_content(data)) if path is None else self._file(path)
        if self._keep is not None:
            self._keep(checkpoint)

    def _file(self, name: Any) -> Checkpoint:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise broken(
                f"checkpoint.path {str(name)[:80]!r} must be the bare name of a file at the top "
                "of the private directory"
            )
        try:
            content = _read(self.found_in() or self._directory, name)
        except OSError as error:
            raise broken(f"checkpoint {name!r}: {error.strerror}") from error
        if self._redact.found_in(content):  # (3) it would outlive the credential
            raise AgentError(
                LEAK, f"checkpoint {name!r} holds a secret of the agent", retryable=False
            )
        return Checkpoint(content, is_file=True)


def _content(data: Any) -> bytes:
    if not isinstance(data, dict):
        raise broken(f"checkpoint.data must be an object, got {type(data).__name__}")
    try:
        content = canonical(data).encode()
    except ValueError as error:
        raise broken(f"checkpoint.data has no canonical form: {error}") from error
    if len(content) > CHECKPOINT_BYTES_MAX:
        raise broken(
            f"checkpoint.data has {len(content)} bytes, at most {CHECKPOINT_BYTES_MAX} are "
            "allowed; write it into a file and give its path"
        )
    return content


def _read(directory: Path, name: str) -> bytes:
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # (2) by name in the held directory
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    finally:
        os.close(place)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(file)
        raise broken(f"checkpoint {name!r} must be a regular file with one name")
    with open(file, "rb") as opened:  # noqa: PTH123 - a descriptor, not a path
        content = opened.read(ARTIFACT_BYTES_MAX + 1)
    if len(content) > ARTIFACT_BYTES_MAX:
        raise broken(f"checkpoint {name!r} has more than {ARTIFACT_BYTES_MAX} bytes")
    return content

"""Secrets of destinations: files that are read when they are needed, so that one can be replaced.

What is in one is never told: not in a refusal, not in a log.
"""

from __future__ import annotations

from pathlib import Path

from dsl.limits import SECRET_FILE_BYTES_MAX
from integrations.errors import DeniedError


def read_secret(path: str) -> str:
    """Return what the file holds, less the white space at its ends.

    Raises:
        DeniedError: it cannot be read, or holds nothing that can be a secret.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(SECRET_FILE_BYTES_MAX + 1)
        secret = content.decode("utf-8").strip()
    except OSError as error:
        raise DeniedError(f"the secret in {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeniedError(f"the secret in {path} is not UTF-8: write it anew") from None
    if not secret or len(content) > SECRET_FILE_BYTES_MAX:
        raise DeniedError(f"the secret in {path} is empty or too large: write it anew")
    return secret

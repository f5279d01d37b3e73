"""HTTP to one Vault: connections that are kept, and nothing of what a browser needs.

``hvac`` speaks by a session of ``requests``, which makes cookies, proxies, hooks and redirects
ready for each request: most of what a call costs a worker. This has of it what ``hvac`` uses.

1. The environment has no say: no proxy that would carry tokens.
2. Nothing is sent again, whatever failed. Where a standby sends on to the active server, that is
   followed.
3. A call ends within seconds, less than a heartbeat timeout: threads cannot be interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NoReturn

import certifi
import urllib3
from urllib3 import exceptions as theirs

CALLS_MAX: Final = 16  # at a time
CONNECT_S: Final = 2.0
REPLY_S: Final = 5.0
_REDIRECTS_MAX: Final = 3
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What Vault has answered, as ``hvac`` reads it."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Tell whether it is no refusal."""
        return self.status_code < HTTPStatus.BAD_REQUEST

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.content)


class Connections:
    """Connections to one server; in place of a session of ``requests``."""

    cert = None  # what ``hvac`` looks for in a session
    proxies = None  # (1) the environment has no say

    def __init__(self, *, verify: bool | str) -> None:
        """Prepare them; see ``integrations.vault.client.Vault``."""
        self.verify = verify
        trusted = certifi.where() if verify is True else verify or None
        self._pool = urllib3.PoolManager(
            maxsize=CALLS_MAX,
            retries=urllib3.Retry(  # (2) nothing is sent again
                total=None, connect=0, read=0, status=0, other=0, redirect=_REDIRECTS_MAX
            ),
            cert_reqs="CERT_REQUIRED" if verify else "CERT_NONE",
            ca_certs=trusted,
        )

    def request(
        self,
        *,
        method: str,
        url: str,
        headers: dict[str, str],
        json: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> Reply:
        """Send one request.

        Raises:
            urllib3.exceptions.HTTPError: there is no answer.
        """
        body = None if json is None else _written(json)
        try:
            answer = self._pool.urlopen(
                method.upper(),
                url,
                body=body,
                headers=headers if body is None else headers | _JSON,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=REPLY_S),  # (3) seconds
            )
        except theirs.MaxRetryError as error:
            _raise(error.reason or error)
        return Reply(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Drop the connections; calls under way end by themselves."""
        self._pool.clear()


def _written(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def _raise(error: Exception) -> NoReturn:
    raise error from error.__cause__  # why the system did not connect; not the wrapper around it

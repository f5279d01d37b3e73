"""GitHub's REST API as one installed App: the calls that are made here, and what refusals mean.

1. Requests go to the operator's address. No address comes from a payload, and none is followed.
2. The App's key signs a word that is good for minutes; it buys a token for the installation, which
   is kept until shortly before its end, and bought anew once where it is not taken any more.
3. ``Retry-After``, or a limit that is used up until a time that is said, say when to come back.
   5xx and no answer are an outage. Everything else is a refusal, with the line that mends it.
4. Only repositories of the operator's file are written to or read, whatever a run says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from dsl.notify.destinations import GitHubDestination
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.errors import DeniedError, NotFoundError, RateLimitedError, UnavailableError
from integrations.notify.http import ANSWER_MAX, HttpAnswer, ask, require_taken, retry_after
from integrations.notify.secrets import FILES, SiteSecrets

VERSION: Final = "2022-11-28"
WORD_LIFE_S: Final = 540  # GitHub takes 600
EARLY_S: Final = 300
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_SUCCESSES: Final = range(200, 300)
_A_WHILE_S: Final = 60.0
_MENDED: Final = {
    401: "is it the App's own key, and is the App's id right?",
    403: "does the App have the permission, and is its installation active?",
    404: "is the App installed there, and the installation's id right?",
}


class GitHubApi:
    """One installation of one App."""

    def __init__(self, destination: GitHubDestination, secrets: SiteSecrets = FILES) -> None:
        self._destination = destination
        self._secrets = secrets
        self._token = ""
        self._until = 0.0
        self._buying = threading.Lock()

    @property
    def app(self) -> str:
        """The App's id, or its client's, as the operator's file has it."""
        return self._destination.app

    def require_ours(self, repository: str) -> str:
        """Return the repository if it is one of the operator's file (4).

        Raises:
            DeniedError: it is none.
        """
        for known in self._destination.repositories:
            if known.lower() == repository.lower():
                return known
        raise DeniedError(
            f"{repository[:140]!r} is none of the repositories of this destination: add it to the "
            "file of MANDATE_NOTIFY, or start the run for one of them"
        )

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return what GitHub answers; None: nothing.

        Raises:
            NotFoundError: it is not there.
            DeniedError: it refuses.
            RateLimitedError: it says when to come back (3).
            UnavailableError: it does not answer.
        """
        key = await self._secrets.read(self._destination.secret("key"))
        return await asyncio.to_thread(self._call, method, path, body, key)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, key: str) -> Any:
        answer = self._asked(method, path, body, f"Bearer {self._installation_token(key)}")
        if answer.status == _UNAUTHORIZED:  # (2) once: it may have been taken back
            self._until = 0.0
            answer = self._asked(method, path, body, f"Bearer {self._installation_token(key)}")
        return _content(answer)

    def _installation_token(self, key: str) -> str:
        with self._buying:  # one buys for all
            if time.time() > self._until - EARLY_S:
                path = f"/app/installations/{self._destination.installation}/access_tokens"
                try:
                    bought = _content(self._asked("POST", path, None, f"Bearer {self._word(key)}"))
                except NotFoundError as error:  # not what was asked for is missing, but the App
                    raise DeniedError(str(error)) from None
                if not isinstance(bought, dict) or not isinstance(bought.get("token"), str):
                    raise UnavailableError("github gives no token")
                self._token = bought["token"]
                self._until = _seconds(bought.get("expires_at"))
            return self._token

    def _word(self, key: str) -> str:
        """Return a word of the App (2)."""
        now = int(time.time())
        claims = {"iat": now - 60, "exp": now + WORD_LIFE_S, "iss": self._destination.app}
        parts = [_part({"alg": "RS256", "typ": "JWT"}), _part(claims)]
        signed = self._signer(key).sign(
            ".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        return ".".join([*parts, _base64(signed)])

    def _signer(self, key: str) -> RSAPrivateKey:
        try:
            found = serialization.load_pem_private_key(key.encode(), None)
        except (ValueError, TypeError):
            found = None
        if not isinstance(found, RSAPrivateKey):
            place = self._destination.secret("key")
            raise DeniedError(f"{place} holds no private key of a GitHub App: download one there")
        return found

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None, authorization: str
    ) -> HttpAnswer:
        return ask(
            method,
            self._destination.api + path,  # (1) the operator's
            who="github",
            headers={
                "Authorization": authorization,
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": VERSION,
                **({"Content-Type": "application/json"} if body is not None else {}),
            },
            body=None if body is None else json.dumps(body).encode(),
        )


def segment(word: str) -> str:
    """Return one part of a path."""
    return quote(word, safe="")


def _content(answer: HttpAnswer) -> Any:
    said = _json(answer)
    if answer.status in _SUCCESSES:
        return said
    message = str(said.get("message", ""))[:200] if isinstance(said, dict) else ""
    fix = _MENDED.get(answer.status, "")
    why = "; ".join(part for part in (message, fix) if part)
    if answer.status == _FORBIDDEN and (wait := _limited(answer, message)) is not None:
        raise RateLimitedError(f"github answers 403: {message}", wait)
    require_taken(answer, "github", why=why)
    raise DeniedError(f"github answers {answer.status}")


def _limited(answer: HttpAnswer, message: str) -> float | None:
    """Return how long its limits want us away (3); None: it is not that."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if (wait := retry_after(answer.headers)) is not None:
        return wait
    if headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
        return max(1.0, float(reset) - time.time()) if reset.isdigit() else _A_WHILE_S
    return _A_WHILE_S if "secondary rate limit" in message else None


def _json(answer: HttpAnswer) -> Any:
    if not answer.body:
        return None
    try:
        return strict_json.read(answer.body, bytes_max=ANSWER_MAX)
    except JsonError:
        if answer.status in _SUCCESSES:
            raise UnavailableError("github answers something else than JSON") from None
        return None


def _seconds(stamp: Any) -> float:
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except ValueError:
        return 0.0


def _part(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

"""One request by HTTPS, and what its answer means for whoever has to try again.

1. Nothing is followed: an answer that sends us elsewhere is a refusal. Where requests go is the
   operator's word.
2. 429 and 503 with ``Retry-After``, in seconds or as a date, say when to come back. Other 5xx and
   no answer at all are an outage. Every other 4xx is a refusal.
3. No answer is read beyond ``ANSWER_MAX``, and none is waited for beyond ``WITHIN_S``, nor beyond
   ``WHOLE_S`` where it trickles. No refusal tells the address, which may be the secret.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import requests
import urllib3

from integrations.errors import (
    DeniedError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
)
from integrations.unreached import why_unreached

CONNECT_S: Final = 5.0
WITHIN_S: Final = 15.0  # for each wait
WHOLE_S: Final = 30.0  # for all of an answer, however slowly it comes
CHUNK: Final = 64 << 10
ANSWER_MAX: Final = 4 << 20
USER_AGENT: Final = "mandate"
TOO_MANY: Final = 429
_AWAY: Final = 500
_ELSEWHERE: Final = 300
_MISSING: Final = 404
_REFUSED: Final = 400
_A_WHILE_S: Final = 30.0  # where a service says too much, and not until when


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a service has said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    method: str,
    url: str,
    *,
    who: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    session: requests.Session | None = None,
) -> HttpAnswer:
    """Return the answer, whatever its status; ``who`` is what refusals call the service.

    Raises:
        UnavailableError: there is none.
        DeniedError: the address is none.
    """
    until = time.monotonic() + WHOLE_S
    try:
        with (session or requests).request(
            method,
            url,
            data=body,
            headers={"User-Agent": USER_AGENT, **headers},
            timeout=(CONNECT_S, WITHIN_S),
            allow_redirects=False,  # (1) nothing is followed
            stream=True,
        ) as reply:
            return HttpAnswer(reply.status_code, dict(reply.headers), _content(reply, until, who))
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
        raise DeniedError(f"the address of {who} is none: write it anew") from None
    except (
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,  # reading ``raw`` raises these as they are
        OSError,
    ) as error:
        why = why_unreached(error) or "what it sends is not understood"
        raise UnavailableError(f"{who} does not answer: {why}") from None


def _content(reply: requests.Response, until: float, who: str) -> bytes:
    """Return the body as far as it is read (3)."""
    parts, size = [], 0
    while size < ANSWER_MAX and (part := reply.raw.read1(CHUNK, decode_content=True)):
        parts.append(part)
        size += len(part)
        if time.monotonic() > until:
            raise UnavailableError(f"{who} does not end its answer within {WHOLE_S:g} s")
    return b"".join(parts)[:ANSWER_MAX]


def require_taken(answer: HttpAnswer, who: str, *, why: str = "") -> None:
    """Raise what the status of an answer means (2).

    Raises:
        RateLimitedError: come back then.
        UnavailableError: it is away.
        NotFoundError: what was named is not there.
        DeniedError: it refuses.
    """
    said = f"{who} answers {answer.status}{f': {why}' if why else ''}"
    wait = retry_after(answer.headers)
    if answer.status == TOO_MANY or (wait is not None and answer.status >= _REFUSED):
        raise RateLimitedError(said, _A_WHILE_S if wait is None else wait)
    if answer.status >= _AWAY:
        raise UnavailableError(said)
    if answer.status == _MISSING:
        raise NotFoundError(said)
    if answer.status >= _ELSEWHERE:  # (1) elsewhere is nowhere
        raise DeniedError(said)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds to wait, as the header says; None: it does not."""
    said = next((v for name, v in headers.items() if name.lower() == "retry-after"), "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return max(1.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None

"""Any system that takes a signed JSON document by HTTP.

1. ``Mandate-Signature: t=<seconds>,v1=<hex>``: HMAC-SHA256 over ``<seconds>.<body>``. Who takes it
   refuses what is not signed so, and what is old.
2. ``Mandate-Delivery`` is the same over all tries of one message: who takes it takes it once. We
   cannot ask a webhook whether a message is there.
3. The address is the operator's, and a secret of theirs: https, or http on loopback. Nothing else
   is asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from dsl.notify.destinations import WebhookDestination
from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import RunSnapshot
from integrations.errors import DeniedError
from integrations.notify.channel import kept_id
from integrations.notify.http import ask, require_taken
from integrations.notify.plain import headline
from integrations.notify.secrets import FILES, SiteSecrets

FORMAT: Final = "mandate/notification/1"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class WebhookChannel:
    """One address."""

    has_board = False

    def __init__(
        self, name: str, destination: WebhookDestination, secrets: SiteSecrets = FILES
    ) -> None:
        self._name = name
        self._destination = destination
        self._secrets = secrets

    async def deliver(
        self, event: Event | None, run: RunSnapshot, known: Mapping[str, str], *, again: bool
    ) -> dict[str, str]:
        """See ``MessageChannel``."""
        if event is not None:
            secret, url = [
                await self._secrets.read(self._destination.secret(name))
                for name in ("secret", "url")
            ]
            await asyncio.to_thread(self._post, event, run, secret, url)
        return {}

    def _post(self, event: Event, run: RunSnapshot, secret: str, url: str) -> None:
        body = json.dumps(_document(event, run), separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "Mandate-Delivery": kept_id(event.id),  # (2) the same over all tries
            "Mandate-Signature": signature(secret, body, int(time.time())),
        }
        who = f"the webhook {self._name!r}"
        address = _address(url, who)
        require_taken(ask("POST", address, who=who, headers=headers, body=body), who)


def signature(secret: str, body: bytes, at: int) -> str:
    """Return the header that says who has sent ``body`` (1)."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def _address(url: str, who: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:  # such as a bracket that is never closed
        raise DeniedError(f"the address of {who} is none: write it anew") from None
    is_local = parts.scheme == "http" and host in _LOOPBACK
    if not host or not (parts.scheme == "https" or is_local):  # (3) nothing else
        raise DeniedError(f"the address of {who}: expected https://, or http:// on loopback")
    return url


def _document(event: Event, run: RunSnapshot) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": event.id,
        "event": event.kind.value,
        "text": headline(event, run),
        **event.model_dump(mode="json", include={"gate", "decided", "stage"}),
        "run": run.model_dump(mode="json"),
    }

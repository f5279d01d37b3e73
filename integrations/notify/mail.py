"""E-mail, by a server that relays for us.

1. All messages of a run are one thread: they refer to one id that is made of the run. Each has an
   id of its own that it keeps over all tries; a server or mailbox that knows it takes it once.
2. Its head holds one line of ours, made inert: no word of a run makes another header or recipient.
3. A server that says "later" (4xx) is away; one that says no (5xx) refuses. Without TLS only on
   loopback, which the file's reader holds.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from dsl.notify.destinations import EmailDestination
from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import RunSnapshot
from integrations.errors import DeniedError, UnavailableError
from integrations.notify.channel import kept_id
from integrations.notify.links import NO_PAGES, SitePages
from integrations.notify.plain import headline, lines
from integrations.notify.secrets import FILES, SiteSecrets
from integrations.unreached import why_unreached

WITHIN_S: Final = 20.0
SUBJECT_MAX: Final = 200  # characters
_FOR_GOOD: Final = 500


class MailChannel:
    """Some mailboxes."""

    has_board = False

    def __init__(
        self,
        name: str,
        destination: EmailDestination,
        secrets: SiteSecrets = FILES,
        *,
        pages: SitePages = NO_PAGES,
    ) -> None:
        self._name = name
        self._destination = destination
        self._secrets = secrets
        self._pages = pages

    async def deliver(
        self, event: Event | None, run: RunSnapshot, known: Mapping[str, str], *, again: bool
    ) -> dict[str, str]:
        """See ``MessageChannel``."""
        if event is not None:
            place = self._destination.optional_secret("password")
            password = None if place is None else await self._secrets.read(place)
            await asyncio.to_thread(self._send, self._message(event, run), password)
        return {}

    def _message(self, event: Event, run: RunSnapshot) -> EmailMessage:
        where = self._destination
        domain = where.from_.rpartition("@")[2]
        thread = f"<{kept_id(f'{run.workflow}/{run.run}')}@{domain}>"
        message = EmailMessage()
        message["From"] = where.from_
        message["To"] = ", ".join(where.to)
        # (2) one line: `headline` has no line break in it
        message["Subject"] = headline(event, run)[:SUBJECT_MAX]
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{kept_id(event.id)}@{domain}>"  # (1) the same over all tries
        message["References"] = message["In-Reply-To"] = thread
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(lines(event, run, self._pages)))
        return message

    def _send(self, message: EmailMessage, password: str | None) -> None:
        who = f"the mail server of {self._name!r}"
        try:
            with self._connected(password) as server:
                server.send_message(message)
        except smtplib.SMTPResponseException as error:  # (3) later, or no
            said = f"{who} answers {error.smtp_code}"
            if error.smtp_code >= _FOR_GOOD:
                raise DeniedError(said) from None
            raise UnavailableError(said) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            said = f"{who} takes none of the recipients: {codes}"
            if min(codes, default=0) >= _FOR_GOOD:
                raise DeniedError(said) from None
            raise UnavailableError(said) from None
        except smtplib.SMTPNotSupportedError:
            raise DeniedError(f"{who} does not do what the file asks of it: TLS or login") from None
        except (smtplib.SMTPException, OSError) as error:
            why = why_unreached(error) or "what it sends is not understood"
            raise UnavailableError(f"{who} does not answer: {why}") from None

    def _connected(self, password: str | None) -> smtplib.SMTP:
        where, context = self._destination, ssl.create_default_context()
        if where.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                where.host, where.port, timeout=WITHIN_S, context=context
            )
        else:
            server = smtplib.SMTP(where.host, where.port, timeout=WITHIN_S)
        try:
            if where.tls == "starttls":
                server.starttls(context=context)
            if where.user is not None and password is not None:
                server.login(where.user, password)
        except BaseException:
            server.close()
            raise
        return server

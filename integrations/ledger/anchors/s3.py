"""An anchor that is a bucket of locked objects: nobody, its owner included, takes a note back.

1. The bucket has Object Lock, and keeps what it is given for some time by itself, in the mode
   ``COMPLIANCE``: how long is its owner's to say. One that does not is refused, as it would keep
   nothing that somebody wants gone.
2. Each note is an object of its own. What is written over it is another version, and what deletes
   it a marker: read are versions, and of one object the oldest, which is the one that is locked.
3. Names begin with what is left to the largest size, so that the newest are listed first, in one
   request, however many there are.
4. A version that was read is remembered: it cannot change.
5. Credentials, region and endpoint are found as any client of AWS finds them (``AWS_…``, files of
   ``~/.aws``, the machine's role); none of them is named here. Each call ends within ``CALL_S``.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from dsl.rules.ledger.note import NOTE_BYTES_MAX
from dsl.values.canonical import INTEGER_MAX
from integrations.errors import UnavailableError
from integrations.ledger.anchors.anchor import Kept
from integrations.ledger.anchors.specs import S3

CALL_S: Final = 10.0
NOTES_READ: Final = 20  # objects, the newest
_DIGITS: Final = 16  # of ``INTEGER_MAX``
_KEYS: Final = "keys"
_LOCKED: Final = "COMPLIANCE"
_NOT_THERE: Final = ("NoSuchKey", "404")
_THERE: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


class S3Anchor:
    """Keeps the notes of the ledger ``origin`` in ``place``, a bucket or a part of one."""

    def __init__(self, place: str, origin: str) -> None:
        self._place = place
        self._bucket, _, prefix = place.partition("/")
        top = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._folder = f"{top}{origin.replace('/', '_')}/"
        self._read_before: dict[tuple[str, str], str] = {}
        self._is_locked = False

    @property
    def name(self) -> str:
        """See ``Anchor``."""
        return f"{S3}:{self._place}"

    async def read(self) -> Kept:
        """See ``Anchor``."""
        return await asyncio.to_thread(self._read)

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        """See ``Anchor``."""
        await asyncio.to_thread(self._publish, note, keys)

    @cached_property
    def _client(self) -> Any:
        config = Config(
            connect_timeout=CALL_S,
            read_timeout=CALL_S,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        return Session().create_client("s3", config=config)  # (5) as any client of AWS

    def _read(self) -> Kept:
        self._require_lock()
        listed = self._call("list_object_versions", Prefix=f"{self._folder}n-", MaxKeys=NOTES_READ)
        oldest = {
            each["Key"]: each["VersionId"] for each in listed.get("Versions", ())
        }  # (2) the locked ones
        known = self._read_before
        texts = {
            each: known[each] if each in known else self._text(*each) for each in oldest.items()
        }
        self._read_before = texts  # (4) it cannot change
        notes = tuple(texts[each] for each in sorted(texts, reverse=True))
        return Kept(notes, tuple(self._text(f"{self._folder}{_KEYS}").split()))

    def _publish(self, note: str, keys: tuple[str, ...]) -> None:
        self._require_lock()
        size = int(note.split("\n", 2)[1])
        said = hashlib.sha256(note.split("\n\n", maxsplit=1)[0].encode()).hexdigest()[:16]
        # (3) the newest first
        self._put(f"n-{INTEGER_MAX - size:0{_DIGITS}d}-{said}", note)
        told = "".join(f"{each}\n" for each in keys)
        if self._text(f"{self._folder}{_KEYS}") != told:
            self._put(_KEYS, told, over=True)

    def _require_lock(self) -> None:
        """Refuse a bucket that keeps nothing by itself (1).

        Raises:
            UnavailableError: it does not.
        """
        if self._is_locked:
            return
        try:
            told = self._call("get_object_lock_configuration")
        except UnavailableError as error:
            raise UnavailableError(f"{error}; an anchor has Object Lock") from None
        rule = told.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
        if rule.get("Mode") != _LOCKED or not (rule.get("Days") or rule.get("Years")):
            raise UnavailableError(
                f"the anchor {self.name} keeps nothing by itself: give the bucket a default "
                f"retention of mode {_LOCKED}"
            )
        self._is_locked = True

    def _put(self, name: str, text: str, *, over: bool = False) -> None:
        once: Mapping[str, str] = {} if over else {"IfNoneMatch": "*"}
        key, body = f"{self._folder}{name}", text.encode()
        self._call("put_object", may_be=_THERE, Key=key, Body=body, **once)

    def _text(self, key: str, version: str = "") -> str:
        """Return what an object says, as far as it can be a note; nothing where there is none."""
        which = {"VersionId": version} if version else {}
        found = self._call("get_object", may_be=_NOT_THERE, Key=key, **which)
        body = found.get("Body")
        if body is None:
            return ""
        try:
            return bytes(body.read(NOTE_BYTES_MAX + 1)).decode(errors="replace")
        except (BotoCoreError, OSError) as error:
            raise UnavailableError(f"the anchor {self.name} breaks off: {error}") from None
        finally:
            body.close()

    def _call(self, name: str, *, may_be: tuple[str, ...] = (), **words: Any) -> dict[str, Any]:
        """Return what the bucket answers; nothing where it says one of ``may_be``.

        Raises:
            UnavailableError: it does not answer, or says no.
        """
        try:
            answer: dict[str, Any] = getattr(self._client, name)(Bucket=self._bucket, **words)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in may_be:
                return {}
            raise UnavailableError(f"the anchor {self.name} says no: {code}") from None
        except (BotoCoreError, ValueError) as error:  # no region, no credentials, no answer
            raise UnavailableError(f"the anchor {self.name} does not answer: {error}") from None
        return answer

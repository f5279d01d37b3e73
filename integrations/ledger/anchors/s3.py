"""An anchor that is a bucket of locked objects: nobody, its owner included, takes a note back.

1. The bucket has Object Lock, and keeps what it is given for some time by itself, in the mode
   ``COMPLIANCE``: how long is its owner's to say. One that does not is refused, as it would keep
   nothing that somebody wants gone. It is asked each time: an owner may change it.
2. Each note is an object of its own. What is written over it is another version, and what deletes
   it a marker: read are versions, and of one object the oldest, which is the one that is locked.
   They are listed to the end of the last object that is read. With more versions than that may
   take nobody says which is the oldest: then the anchor has not answered.
3. Names begin with what is left to the largest size, so that the newest are listed first.
4. A name says size and digest of what its object says. One that says something else is no note of
   ours, however well that is signed: an old note under a new name would hide the newest.
5. What is there already was kept if it is the same, or one of our keys has signed it. Something
   else is in the way, and said.
6. A version that was read is remembered: it cannot change.
7. Credentials, region and endpoint are found as any client of AWS finds them (``AWS_…``, files of
   ``~/.aws``, the machine's role); none of them is named here. Each call ends within ``CALL_S``.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from dsl.rules.ledger.note import NOTE_BYTES_MAX, NoteKey, SignedNote
from dsl.values.canonical import INTEGER_MAX
from integrations.errors import UnavailableError
from integrations.ledger.anchors.anchor import NOTES_READ_MAX, Kept
from integrations.ledger.anchors.specs import S3
from integrations.ledger.tree.signatures import signer_of

CALL_S: Final = 10.0
PAGE: Final = 1_000  # versions, the most that are listed at once
PAGES_MAX: Final = 10
_DIGITS: Final = 16  # of ``INTEGER_MAX``
_NOTE: Final = "n-"
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
        return Session().create_client("s3", config=config)  # (7) as any client of AWS

    def _read(self) -> Kept:
        self._require_lock()
        oldest = self._oldest(f"{self._folder}{_NOTE}", NOTES_READ_MAX)
        known = self._read_before
        texts = {
            each: known[each] if each in known else self._text(*each) for each in oldest.items()
        }
        self._read_before = texts  # (6) it cannot change
        notes = tuple(
            text if self._key_of(text) == key else ""  # (4) no note of ours
            for (key, _), text in sorted(texts.items(), reverse=True)
        )
        return Kept(notes, tuple(self._text(f"{self._folder}{_KEYS}").split()))

    def _publish(self, note: str, keys: tuple[str, ...]) -> None:
        self._require_lock()
        key = self._key_of(note)
        if not self._call(
            "put_object", may_be=_THERE, Key=key, Body=note.encode(), IfNoneMatch="*"
        ):
            self._require_kept(key, note, keys)
        told, where = "".join(f"{each}\n" for each in keys), f"{self._folder}{_KEYS}"
        if self._text(where) != told:
            self._call("put_object", Key=where, Body=told.encode())

    def _require_kept(self, key: str, note: str, keys: tuple[str, ...]) -> None:
        """Refuse what stands in the place of ``note`` and is not it (5).

        Raises:
            UnavailableError: something else does, or nothing yet.
        """
        version = self._oldest(key, 1).get(key)
        held = self._text(key, version) if version else ""
        if held == note:
            return
        with suppress(ValueError):
            if signer_of(SignedNote.parse(held), map(NoteKey.parse, keys)) is not None:
                return
        raise UnavailableError(
            f"the anchor {self.name} did not take a note, as something else is at {key}: see who "
            "writes there. The next note has a place of its own"
        )

    def _oldest(self, prefix: str, count: int) -> dict[str, str]:
        """Return the first ``count`` objects of that prefix, each with its oldest version (2).

        Raises:
            UnavailableError: there are more versions than anybody lists.
        """
        found: dict[str, str] = {}
        after: dict[str, Any] = {}
        for _ in range(PAGES_MAX):
            listed = self._call("list_object_versions", Prefix=prefix, MaxKeys=PAGE, **after)
            found |= {each["Key"]: each["VersionId"] for each in listed.get("Versions", ())}
            if len(found) > count or not listed.get("IsTruncated"):
                return dict(islice(found.items(), count))
            after = {
                "KeyMarker": listed["NextKeyMarker"],
                "VersionIdMarker": listed["NextVersionIdMarker"],
            }
        raise UnavailableError(
            f"the anchor {self.name} holds more than {PAGES_MAX * PAGE} versions of its newest "
            "notes: see who writes over them, and give the ledger another prefix"
        )

    def _key_of(self, note: str) -> str:
        """Return what an object that says ``note`` is called (3) (4); nothing for what is none."""
        head = note.split("\n\n", maxsplit=1)[0]
        _, _, size = head.partition("\n")
        try:
            left = INTEGER_MAX - int(size.partition("\n")[0])
        except ValueError:
            return ""
        said = hashlib.sha256(head.encode()).hexdigest()[:16]
        return f"{self._folder}{_NOTE}{left:0{_DIGITS}d}-{said}"

    def _require_lock(self) -> None:
        """Refuse a bucket that keeps nothing by itself (1).

        Raises:
            UnavailableError: it does not.
        """
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

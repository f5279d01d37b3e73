"""A bucket with Object Lock keeps what it was given, whatever is written over it since."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dsl.rules.ledger.note import Checkpoint, NoteKey, NoteSignature, SignedNote
from integrations.errors import UnavailableError
from integrations.ledger.anchors import s3 as s3_module
from integrations.ledger.anchors.anchor import NOTES_READ_MAX, Kept
from integrations.ledger.anchors.named import anchors_of
from integrations.ledger.anchors.s3 import S3Anchor
from tests.fixtures.servers.s3 import S3
from tests.integration.ledger.anchors.test_places import KEYS, NOTE, ORIGIN

COMPLIANCE = {"Mode": "COMPLIANCE", "Days": 7}
GOVERNANCE = {"Mode": "GOVERNANCE", "Days": 7}


@pytest.fixture
def made(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[S3Anchor, str]]:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)

    def make(retention: dict[str, object] | None) -> tuple[S3Anchor, str]:
        bucket = s3.bucket(f"b-{uuid.uuid4().hex[:12]}", retention)
        return S3Anchor(f"{bucket}/ledgers", ORIGIN), bucket

    return make


def numbered(size: int) -> str:
    return NOTE.replace("\n7\n", f"\n{size}\n")


async def test_notes_come_back_the_newest_last_and_no_more_than_are_read(made):
    anchor, bucket = made(COMPLIANCE)
    empty = await anchor.read()
    for size in [9, 100_000, 7, *range(200, 220)]:
        await anchor.publish(numbered(size), KEYS)
    (again,) = anchors_of([f"s3:{bucket}/ledgers"], ORIGIN)
    found = await again.read()

    assert empty == Kept()
    assert found.keys == KEYS
    sizes = [int(each.split("\n")[1]) for each in found.notes]
    assert sizes == [*range(220 - NOTES_READ_MAX + 1, 220), 100_000]


async def test_what_was_written_over_or_deleted_stands_and_cannot_be_taken_away(made, s3: S3):
    anchor, bucket = made(COMPLIANCE)
    await anchor.publish(NOTE, KEYS)
    await anchor.publish(NOTE, KEYS)  # harmless
    [version] = [
        each
        for each in s3.client.list_object_versions(Bucket=bucket)["Versions"]
        if "/n-" in each["Key"]
    ]
    place = {"Bucket": bucket, "Key": version["Key"]}
    s3.client.put_object(**place, Body=b"nothing was ever signed")
    s3.client.delete_object(**place)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.client.delete_object(**place, VersionId=version["VersionId"])

    assert (await anchor.read()).notes == (NOTE,)
    assert (await S3Anchor(f"{bucket}/ledgers", ORIGIN).read()).notes == (NOTE,)


async def test_versions_are_listed_to_the_end_of_the_newest_notes(
    made, s3: S3, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3_module, "PAGE", 3)
    anchor, bucket = made(COMPLIANCE)
    for size in (6, 7):
        await anchor.publish(numbered(size), KEYS)
    newest = await written_over(s3, bucket, 10)
    await anchor.publish(numbered(7), KEYS)  # the oldest version is still what is there

    assert (await anchor.read()).notes == (numbered(6), numbered(7))
    s3.client.delete_object(**newest)
    await written_over(s3, bucket, s3_module.PAGES_MAX * 3)
    with pytest.raises(UnavailableError, match="more than 30 versions of its newest notes"):
        await anchor.read()


async def test_an_old_note_under_a_new_name_does_not_hide_the_newest(made, s3: S3):
    anchor, bucket = made(COMPLIANCE)
    for size in (6, 7):
        await anchor.publish(numbered(size), KEYS)
    folder = s3.client.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"].rpartition("/")[0]
    for name in ("n-0000000000000001-0123456789abcdef", "n-", "n-x"):
        s3.client.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=numbered(6).encode())

    assert sorted((await anchor.read()).notes) == ["", "", "", numbered(6), numbered(7)]


async def test_something_else_in_the_place_of_a_note_is_said(made, s3: S3):
    anchor, bucket = made(COMPLIANCE)
    other, beside = made(COMPLIANCE)
    await other.publish(NOTE, KEYS)
    [name] = [
        each["Key"]
        for each in s3.client.list_objects_v2(Bucket=beside)["Contents"]
        if "/n-" in each["Key"]
    ]
    key = Ed25519PrivateKey.generate()
    ours = str(NoteKey(ORIGIN, key.public_key().public_bytes_raw()))
    root = Checkpoint(ORIGIN, 7, bytes(32))
    for said in ("anything", NOTE.replace("signed", "signed by somebody else")):
        s3.client.put_object(Bucket=bucket, Key=name, Body=said.encode())
        with pytest.raises(UnavailableError, match=f"something else is at {name}"):
            await anchor.publish(NOTE, (ours,))

    again, _ = made(COMPLIANCE)
    first, resigned = (
        SignedNote(
            root, tuple(NoteSignature(ORIGIN, each, key.sign(root.text().encode())) for each in ids)
        ).text()
        for ids in ((NoteKey.parse(ours).id,), (b"else", NoteKey.parse(ours).id))
    )
    await again.publish(first, (ours,))
    await again.publish(resigned, (ours,))  # of another version of the key as well
    assert (await again.read()).notes == (first,)


async def written_over(s3: S3, bucket: str, times: int) -> dict[str, str]:
    """Write over the newest note, and return where it is."""
    listed = s3.client.list_objects_v2(Bucket=bucket)["Contents"]
    newest = {"Bucket": bucket, "Key": min(each["Key"] for each in listed if "/n-" in each["Key"])}
    for _ in range(times):
        s3.client.put_object(**newest, Body=b"nothing was ever signed")
    return newest


@pytest.mark.parametrize("retention", [None, GOVERNANCE])
async def test_a_bucket_that_keeps_nothing_by_itself_is_no_anchor(made, retention):
    anchor, _ = made(retention)

    with pytest.raises(UnavailableError, match="default retention of mode COMPLIANCE"):
        await anchor.publish(NOTE, KEYS)
    with pytest.raises(UnavailableError, match="default retention of mode COMPLIANCE"):
        await anchor.read()


async def test_a_bucket_that_keeps_nothing_any_more_is_no_anchor_any_more(made, s3: S3):
    anchor, bucket = made(COMPLIANCE)
    assert await anchor.read() == Kept()
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": GOVERNANCE}}
    s3.client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)

    with pytest.raises(UnavailableError, match="default retention of mode COMPLIANCE"):
        await anchor.publish(NOTE, KEYS)


async def test_one_without_object_lock_or_that_is_not_there_says_so(made, s3: S3):
    s3.client.create_bucket(Bucket=(plain := f"b-{uuid.uuid4().hex[:12]}"))

    said = {plain: "ObjectLockConfigurationNotFoundError", "nowhere": "NoSuchBucket"}
    for place, why in said.items():
        with pytest.raises(UnavailableError, match=f"{why}; an anchor has Object Lock"):
            await S3Anchor(place, ORIGIN).read()


async def test_a_server_that_does_not_answer_is_said(made, monkeypatch: pytest.MonkeyPatch):
    anchor, _ = made(COMPLIANCE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")

    with pytest.raises(UnavailableError, match="does not answer"):
        await anchor.read()


async def test_without_credentials_it_says_what_is_missing(made, monkeypatch: pytest.MonkeyPatch):
    anchor, _ = made(COMPLIANCE)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(UnavailableError, match="redentials"):
        await anchor.read()


@pytest.mark.parametrize("spec", ["s3:", "s3:/etc", "s3:UPPER", "s3:a", "s3:bucket/../x y", "s4:b"])
def test_a_place_of_another_form_is_refused(spec: str):
    with pytest.raises(ValueError, match="s3:BUCKET"):
        anchors_of([spec], ORIGIN)

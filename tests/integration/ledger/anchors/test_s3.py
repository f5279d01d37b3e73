"""A bucket with Object Lock keeps what it was given, whatever is written over it since."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from integrations.errors import UnavailableError
from integrations.ledger.anchors.anchor import Kept
from integrations.ledger.anchors.named import anchors_of
from integrations.ledger.anchors.s3 import S3Anchor
from tests.fixtures.servers.s3 import S3
from tests.integration.ledger.anchors.test_places import KEYS, NOTE, ORIGIN

COMPLIANCE = {"Mode": "COMPLIANCE", "Days": 7}


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
    assert sizes == [*range(201, 220), 100_000]


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


@pytest.mark.parametrize("retention", [None, {"Mode": "GOVERNANCE", "Days": 7}])
async def test_a_bucket_that_keeps_nothing_by_itself_is_no_anchor(made, retention):
    anchor, _ = made(retention)

    with pytest.raises(UnavailableError, match="default retention of mode COMPLIANCE"):
        await anchor.publish(NOTE, KEYS)
    with pytest.raises(UnavailableError, match="default retention of mode COMPLIANCE"):
        await anchor.read()


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

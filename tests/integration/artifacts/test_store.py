"""The artefact store on a real disk: by content, whole or not at all, hashed on the way out."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dsl.limits import ARTIFACT_BYTES_MAX
from integrations.artifacts.store import MEDIA_TYPE, Artifacts, StoredArtifact
from integrations.errors import (
    ConflictError,
    CorruptError,
    DeniedError,
    NotFoundError,
    UnavailableError,
)

ROOT = Path(__file__).resolve().parents[3]
DATA = b"what an agent made"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture
def store(tmp_path):
    return Artifacts(tmp_path / "data" / "artifacts")


@pytest.fixture
def kept(store, tmp_path):
    """The one file the store holds after ``put``."""
    store.put(DATA)
    return tmp_path / "data" / "artifacts" / DIGEST[7:9] / DIGEST[7:]


@pytest.fixture
def target(tmp_path):
    return tmp_path / "copy"


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "data").rglob("*") if not path.is_dir()]


def test_what_was_put_is_found_by_its_digest(store):
    artifact = store.put(DATA, "text/plain")

    assert artifact == StoredArtifact(DIGEST, len(DATA), "text/plain")
    assert store.get(DIGEST) == DATA


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, ARTIFACT_BYTES_MAX])
def test_a_file_of_any_size_up_to_the_limit_is_taken(store, tmp_path, target, size):
    data = os.urandom(1024) * (size // 1024 + 1)
    source = tmp_path / "source"
    source.write_bytes(data[:size])

    artifact = store.put_file(source)

    assert (artifact.size, artifact.media_type) == (size, MEDIA_TYPE)
    assert artifact == store.put(data[:size])
    assert store.copy_to(artifact.digest, target) == size
    assert target.read_bytes() == data[:size]


def test_putting_twice_keeps_one_file(store, tmp_path):
    assert store.put(DATA) == store.put(DATA)
    assert len(files(tmp_path)) == 1


def test_many_may_put_the_same_at_once(store, tmp_path):
    threads = [threading.Thread(target=store.put, args=(DATA,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get(DIGEST) == DATA
    assert len(files(tmp_path)) == 1


def test_another_process_finds_it(store, tmp_path):
    store.put(DATA)

    assert Artifacts(tmp_path / "data" / "artifacts").get(DIGEST) == DATA


def test_files_and_directories_are_for_their_owner_alone(store, kept, target):
    store.copy_to(DIGEST, target)
    parents = (kept.parent, kept.parent.parent, kept.parent.parent / "incoming")

    assert {stat.S_IMODE(path.stat().st_mode) for path in parents} == {0o700}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        DIGEST.upper(),
        DIGEST[7:],
        DIGEST + "\n",
        DIGEST + "0",
        f"sha512:{DIGEST[7:]}",
        "sha256:../../../../etc/passwd",
        "sha256:" + "/" * 64,
    ],
)
def test_what_is_no_digest_never_becomes_a_path(store, target, digest):
    with pytest.raises(DeniedError, match="expected a digest"):
        store.get(digest)
    with pytest.raises(DeniedError, match="expected a digest"):
        store.copy_to(digest, target)


def test_what_was_never_put_is_not_found(store, target):
    with pytest.raises(NotFoundError):
        store.get(DIGEST)
    with pytest.raises(NotFoundError):
        store.copy_to(DIGEST, target)

    assert not target.exists()


@pytest.mark.parametrize("change", [b"What an agent made", b"", DATA + b"!"])
def test_bytes_that_changed_are_handed_to_nobody(store, kept, target, change):
    kept.chmod(0o600)
    kept.write_bytes(change)

    with pytest.raises(CorruptError, match="no longer matches its digest"):
        store.get(DIGEST)
    with pytest.raises(CorruptError, match="no longer matches its digest"):
        store.copy_to(DIGEST, target)

    assert not target.exists()
    assert kept.read_bytes() == change


def test_putting_the_right_bytes_again_repairs(store, kept):
    kept.chmod(0o600)
    kept.write_bytes(b"other")

    store.put(DATA)

    assert store.get(DIGEST) == DATA


def test_a_link_in_the_place_of_an_artefact_is_refused(store, kept, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(DATA)
    kept.unlink()
    kept.symlink_to(other)

    with pytest.raises(DeniedError, match="symbolic link"):
        store.get(DIGEST)


@pytest.mark.parametrize("kind", ["link", "dangling", "directory", "pipe", "socket", "device"])
def test_only_regular_files_are_taken_in(store, tmp_path, kind):
    source = tmp_path / "source"
    if kind == "link":
        (tmp_path / "secret").write_text("secret")
        source.symlink_to("secret")
    elif kind == "dangling":
        source.symlink_to("nowhere")
    elif kind == "directory":
        source.mkdir()
    elif kind == "pipe":
        os.mkfifo(source)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(source))
    else:
        source = Path("/dev/null")

    with pytest.raises(DeniedError, match=r"symbolic link|not a regular file"):
        store.put_file(source)

    assert files(tmp_path) == []


def test_a_file_that_is_not_there_is_not_found(store, tmp_path):
    with pytest.raises(NotFoundError, match="there is no source in"):
        store.put_file(tmp_path / "source")


def test_what_is_larger_than_the_limit_is_refused_and_leaves_nothing(store, tmp_path):
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(ARTIFACT_BYTES_MAX + 1)

    with pytest.raises(DeniedError, match="the limit"):
        store.put_file(source)
    with pytest.raises(DeniedError, match="the limit"):
        store.put(bytes(ARTIFACT_BYTES_MAX + 1))

    assert files(tmp_path) == []


def test_a_file_that_pretends_to_be_empty_is_held_to_the_limit(store, monkeypatch):
    monkeypatch.setattr("integrations.artifacts.store.ARTIFACT_BYTES_MAX", 10)

    with pytest.raises(DeniedError, match="the limit"):
        store.put_file(Path("/proc/self/status"))  # its size is told as 0


def test_a_copy_overwrites_nothing_and_follows_no_link(store, kept, tmp_path, target):
    target.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConflictError, match="exists already"):
        store.copy_to(DIGEST, target)

    assert not (tmp_path / "elsewhere").exists()
    assert target.is_symlink()


FULL_DISK = f"""
import resource, signal, sys
from pathlib import Path
from integrations.artifacts.store import Artifacts
from integrations.errors import UnavailableError
store = Artifacts(Path(sys.argv[1]))
signal.signal({int(signal.SIGXFSZ)}, signal.SIG_IGN)
resource.setrlimit({resource.RLIMIT_FSIZE}, (1000, resource.RLIM_INFINITY))
try:
    store.put(bytes(2000))
except UnavailableError as error:
    print(error)
resource.setrlimit({resource.RLIMIT_FSIZE}, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(store.put(bytes(2000)).size)
"""


def test_a_disk_that_takes_no_more_leaves_nothing_behind_and_may_recover(store, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "data" / "artifacts")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "cannot use" in ended.stdout
    assert ended.stdout.split()[-1] == "2000"
    assert len(files(tmp_path)) == 1


def test_a_store_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="Not a directory"):
        Artifacts(tmp_path / "file" / "artifacts")


def test_an_artefact_is_whole_or_absent_after_a_kill(tmp_path):
    root = tmp_path / "data" / "artifacts"
    program = (
        "import sys; from pathlib import Path; from integrations.artifacts.store import Artifacts\n"
        "store = Artifacts(Path(sys.argv[1]))\n"
        "for n in range(10_000): print(store.put(str(n).encode() * 50_000).digest, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    digests = [process.stdout.readline().strip() for _ in range(5)]
    process.kill()
    digests += process.stdout.read().split()[:-1]
    process.stdout.close()
    process.wait()

    store = Artifacts(root)
    for place in root.glob("??/*"):
        assert store.get(f"sha256:{place.name}")
    assert all(store.get(digest) for digest in digests)

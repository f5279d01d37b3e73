"""Checkpoints of an agent that is alive: what is read is the file it named, and no other."""

from __future__ import annotations

import os
from typing import Any

import pytest

from dsl.limits import CHECKPOINT_BYTES_MAX, CHECKPOINTS_MAX
from integrations.agents.contract.checkpoints import Checkpoint, Checkpoints
from integrations.agents.contract.protocol import AgentError
from integrations.redaction import Redactor

SECRET = "correct-horse-battery"


@pytest.fixture
def taken(tmp_path):
    """Return what is handed on of a message, in a directory with some files."""
    (tmp_path / "state").write_bytes(b"\0\1state")
    (tmp_path / "secret").write_text(f"token {SECRET}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "state").touch()
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "one-name").touch()
    os.link(tmp_path / "one-name", tmp_path / "other-name")
    os.mkfifo(tmp_path / "pipe")

    def take(*messages: dict[str, Any]) -> list[Checkpoint]:
        kept: list[Checkpoint] = []
        checkpoints = Checkpoints(tmp_path, Redactor([SECRET]), kept.append)
        for message in messages:
            checkpoints.take(message)
        return kept

    return take


def test_an_object_and_a_file_are_handed_on_in_order(taken):
    assert taken({"data": {"b": 1, "a": [2]}}, {"path": "state"}) == [
        Checkpoint(b'{"a":[2],"b":1}'),
        Checkpoint(b"\0\1state", is_file=True),
    ]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({}, "has data or a path, and not both"),
        ({"data": {}, "path": "state"}, "has data or a path, and not both"),
        ({"data": []}, "must be an object, got list"),
        ({"data": {"text": "x" * CHECKPOINT_BYTES_MAX}}, "write it into a file"),
        ({"path": 1}, "must be the bare name of a file"),
        ({"path": "folder/state"}, "must be the bare name of a file"),
        ({"path": ".."}, "must be the bare name of a file"),
        ({"path": "gone"}, "'gone': No such file or directory"),
        ({"path": "link"}, "'link': Too many levels of symbolic links"),
        ({"path": "folder"}, "must be a regular file with one name"),
        ({"path": "other-name"}, "must be a regular file with one name"),
        ({"path": "pipe"}, "must be a regular file with one name"),
        ({"path": "secret"}, "holds a secret of the agent"),
    ],
)
def test_what_is_no_checkpoint_breaks_the_contract(taken, message, sentence):
    with pytest.raises(AgentError, match=sentence) as caught:
        taken(message)

    assert not caught.value.retryable


def test_more_than_the_limit_break_the_contract(taken):
    with pytest.raises(AgentError, match=f"more than {CHECKPOINTS_MAX} checkpoints"):
        taken(*[{"data": {}}] * (CHECKPOINTS_MAX + 1))

"""The private directory comes and goes, whatever was done to it."""

from __future__ import annotations

import pytest

from integrations.agents.contract.protocol import AgentError
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.agents.workdir import collect, workdir
from integrations.redaction import Redactor


def test_it_is_private_and_gone_afterwards(tmp_path):
    with workdir(tmp_path) as path:
        assert path.stat().st_mode & 0o777 == 0o700
        assert (path / "tmp").is_dir()
        (path / "a").write_text("x")
        (path / "b").mkdir(mode=0)

    assert list(tmp_path.iterdir()) == []


def test_it_is_gone_after_an_error(tmp_path):
    with pytest.raises(LookupError), workdir(tmp_path):
        raise LookupError

    assert list(tmp_path.iterdir()) == []


def test_what_a_link_in_it_points_to_stays(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    with workdir(tmp_path) as path:
        (path / "link").symlink_to(precious)

    assert (precious / "file").exists()


def test_a_link_put_in_its_place_is_removed_and_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    with workdir(tmp_path) as path:
        path.rename(tmp_path / "moved")
        path.symlink_to(precious)

    assert precious.is_dir()
    assert not path.is_symlink()


@pytest.mark.parametrize(("place", "kind"), [("outside", "escape"), ("inside", "protocol")])
def test_a_second_name_of_an_artifact_is_an_escape_where_it_is_outside(tmp_path, place, kind):
    with workdir(tmp_path) as path:
        other = tmp_path / "file" if place == "outside" else path / "tmp" / "file"
        other.write_text("x")
        (path / "a").hardlink_to(other)
        with pytest.raises(AgentError, match="a regular file with one name") as caught:
            collect(path, [{"name": "a", "path": "a"}], Redactor())

    assert caught.value.kind == kind


def test_a_second_name_that_cannot_be_looked_for_is_not_held_against_the_agent(tmp_path):
    with workdir(tmp_path) as path:
        other = tmp_path / "file"
        other.write_text("x")
        (path / "a").hardlink_to(other)
        (path / "tmp").rename(path / "b")
        for number in range(10_000):
            (path / "b" / str(number)).symlink_to("x")
        with pytest.raises(AgentError, match="a regular file with one name") as caught:
            collect(path, [{"name": "a", "path": "a"}], Redactor())

    assert caught.value.kind == "protocol"


async def test_an_agent_cannot_bury_anything_in_it(run, private):
    """Three thousand levels deep: gone with its disk, or ended and removed by the fixture."""
    outcome = await run("hostile", {"do": "bury"})
    with pytest.raises(AgentError, match="levels of directories") as caught:
        await run("hostile", {"do": "bury"}, sandbox=SandboxSpec(namespaces=False))

    assert outcome.result.ok
    assert caught.value.kind == "quota"
    assert (private / "d" / "d").is_dir()

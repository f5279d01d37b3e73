"""EXIT waits for credentials of its stage that Vault has not ended yet, and names what is left."""

from __future__ import annotations

import pytest

from activities.phases import exit as leaving
from integrations.errors import IntegrationError, UnavailableError
from integrations.vault.credentials.ending import AGAIN_S, CredentialEnds
from tests.fixtures.engine import Engine, pipeline, stage


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often Vault does not end each credential, by accessor; the first look is at ``""``."""
    left: dict[str, int] = {"": 0}
    end = CredentialEnds._try

    async def often(self: CredentialEnds, accessor: str) -> IntegrationError | None:
        left.setdefault(accessor, left[""])
        if left[accessor] > 0:
            left[accessor] -= 1
            return UnavailableError("vault is away")
        return await end(self, accessor)

    monkeypatch.setattr(CredentialEnds, "_try", often)
    return left


async def detail_of(engine: Engine) -> str:
    handle = await engine.start(pipeline(stage("look")))
    report = await handle.result()
    return str(report["stages"]["look"]["detail"])


async def test_one_that_is_ended_soon_is_waited_for(
    engine: Engine, refusals: dict[str, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leaving, "CREDENTIALS_S", 60.0)  # a busy Vault may take more than two
    refusals[""] = 1

    assert "credential" not in await detail_of(engine)
    assert len(refusals) > 1
    assert set(refusals.values()) == {1, 0}  # what was asked for, and what is left of it


async def test_one_that_is_not_is_named_and_ended_later(engine: Engine, refusals: dict[str, int]):
    refusals[""] = int(4 / AGAIN_S)  # longer than EXIT waits

    assert "left to expire: credential " in await detail_of(engine)

"""How circuits stand is not said, in a sentence, where the way to Dragonfly is set up wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from mandate.people.circuits import circuits_now
from mandate.people.errors import RefusalError


@pytest.mark.parametrize(
    "wrong",
    [
        {"MANDATE_DRAGONFLY_URL": "http://127.0.0.1:1"},
        {"MANDATE_DRAGONFLY_URL": "redis://:word@127.0.0.1:1"},
        {"MANDATE_DRAGONFLY_PASSWORD_FILE": "nowhere"},
        {"MANDATE_DRAGONFLY_PASSWORD_FILE": "empty"},
    ],
    ids=repr,
)
async def test_it_is_one_sentence(tmp_path: Path, wrong: dict[str, str]):
    (tmp_path / "empty").touch()
    given = {name: str(tmp_path / of) if "FILE" in name else of for name, of in wrong.items()}

    with pytest.raises(RefusalError, match="dragonfly: "):
        await circuits_now(given)


async def test_what_to_type_is_said_to_who_types_alone():
    with pytest.raises(RefusalError) as caught:
        await circuits_now({"MANDATE_DRAGONFLY_URL": "redis://127.0.0.1:1"})

    assert "mandate up" not in caught.value.sentence
    assert caught.value.line.endswith("is `mandate up` running?")

"""Names of suggestions as people type them."""

from __future__ import annotations

import pytest

from dsl.review.outcome import remedy_in
from dsl.review.remedy import Remedy


@pytest.mark.parametrize("name", ["nosuch-0123456789ab", "pin-dependency", "", "x" * 200])
def test_a_name_of_no_suggestion_is_refused_with_what_was_expected(name: str):
    with pytest.raises(ValueError, match="is no name of a suggestion") as caught:
        remedy_in(name)

    assert "Remedy" not in str(caught.value)


def test_a_name_begins_with_its_remedy():
    assert [remedy_in(f"{each}-0123456789ab") for each in Remedy] == [*Remedy]

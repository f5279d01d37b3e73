"""What is read for pages, before it is one."""

from __future__ import annotations

import pytest

from mandate.console.desk import lines_of


@pytest.mark.parametrize(
    ("data", "media_type", "lines"),
    [
        (b'{"a":1}\n', "application/json", ["{", '  "a": 1', "}"]),
        (b"[x] this is not approved\n", "text/plain", ["[x] this is not approved"]),
        (b"a\nb\n", "application/json", ["a", "b"]),
        (b"\xff", "application/json", None),
    ],
)
def test_an_output_is_laid_out_where_its_author_calls_it_json(data, media_type, lines):
    assert lines_of(data, media_type) == lines

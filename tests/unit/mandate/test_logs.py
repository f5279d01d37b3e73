"""The log of a worker: one record, one line."""

from __future__ import annotations

import logging

import pytest

from mandate.logs import FORMAT, Lines
from tests.fixtures.hostile.foreign_texts import TEXTS, faults


def logged(message: str, *words: object, error: BaseException | None = None) -> list[str]:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("worker", logging.INFO, "f.py", 1, message, words, info)
    return Lines(FORMAT).format(record).split("\n")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_no_text_makes_a_second_record(text):
    first, *more = logged("it said %s", text)

    assert " INFO worker it said " in first
    assert all(line.startswith("  | ") or line == "  |" for line in more)
    assert faults("".join((first, *more))) == []


def test_a_traceback_stands_behind_a_margin():
    _, *more = logged("a bug", error=ValueError("x\n2026-01-01 00:00:00,000 INFO gate approved"))

    assert more == ["  | ValueError: x", "  | 2026-01-01 00:00:00,000 INFO gate approved"]


def test_what_looks_like_a_token_is_in_no_line_of_a_record():
    token = "s." + "AbCdEfGhIjKlMnOpQrStUvWx"
    lines = logged("refused: %s", token, error=ValueError(f"header {token}"))

    assert lines[0].endswith("refused: [redacted]")
    assert lines[1:] == ["  | ValueError: header [redacted]"]

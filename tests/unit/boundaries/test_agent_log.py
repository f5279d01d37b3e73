"""What an agent said, as it is kept: in order, bounded, and without its secrets."""

from __future__ import annotations

import base64
import re
import time

import pytest

from dsl.limits import AGENT_LOG_BYTES_MAX
from integrations.agents.contract.log import STDERR, STDOUT, Log
from integrations.redaction import Redactor

SECRET = "correct-horse-battery-staple"
PEM = "-----BEGIN KEY-----\n" + "\n".join("abcdefgh0123456789" * 3 for _ in range(4)) + "\nZZ==\n"


def told(log: Log) -> list[str]:
    """Return the lines, without when they were said."""
    return [line.partition(" ")[2] for line in log.lines().decode().splitlines()]


def test_lines_stand_in_the_order_they_came_and_say_where():
    log = Log(Redactor())
    log.message("progress", {"message": "1 of 2", "files": 3})
    log.text(STDERR, b"one\ntwo\n")
    log.text(STDOUT, b"noise\n")
    log.message("result", {"status": "ok", "output": {"a": 1}})

    assert told(log) == [
        'progress 1 of 2 {"files": 3}',
        "stderr one",
        "stderr two",
        "stdout noise",
        'result {"status": "ok", "output": {"a": 1}}',
    ]
    assert re.match(r"\+\d+\.\d{3} progress", log.lines().decode())


def test_the_last_step_is_what_it_said_last_of_where_it_is():
    log = Log(Redactor())
    log.message("progress", {"message": "first"})
    log.message("progress", {"message": "second\nwith more"})
    log.message("log", {"message": "no step"})
    log.message("artifact", {"name": "a"})
    log.message("progress", {"message": 3})

    assert log.last_step == "second"


def test_the_beginning_and_the_end_are_kept_and_what_lies_between_is_counted():
    log = Log(Redactor())
    log.text(STDERR, b"the beginning\n")
    for number in range(3 * 1024):
        log.text(STDERR, f"{number} {'x' * 1_000}\n".encode())
    log.message("error", {"message": "the end"})
    lines = told(log)

    assert len(log.lines()) <= AGENT_LOG_BYTES_MAX
    assert (lines[0], lines[-1]) == ("stderr the beginning", "error the end")
    assert any("bytes are left out" in line for line in log.lines().decode().splitlines())


def test_one_endless_line_does_not_fill_it():
    log = Log(Redactor())
    log.text(STDERR, b"x" * (10 << 20))
    log.message("error", {"message": "the end"})

    assert len(log.lines()) <= AGENT_LOG_BYTES_MAX
    assert told(log)[-1] == "error the end"


@pytest.mark.parametrize("size", [1, 3, 7, 20, 1_000])
def test_a_secret_said_in_pieces_is_found(size):
    log = Log(Redactor([SECRET]))
    data = f"before {SECRET} after {base64.b64encode(SECRET.encode()).decode()}\n".encode()
    for start in range(0, len(data), size):
        log.text(STDERR, data[start : start + size])

    assert told(log)[0].startswith("stderr before [redacted] after ")
    assert SECRET[:8].encode() not in log.lines()
    assert base64.b64encode(SECRET.encode())[:12] not in log.lines()


def test_a_secret_of_several_lines_is_found():
    log = Log(Redactor([PEM]))
    for line in PEM.splitlines(keepends=True):
        log.text(STDERR, line.encode())

    assert told(log) == ["stderr [redacted]"]


@pytest.mark.parametrize("shift", range(0, 60, 5))
def test_half_a_secret_is_not_left_where_something_is_left_out(shift):
    log = Log(Redactor([SECRET]))
    text = ("-" * shift + SECRET) * 60_000
    for start in range(0, len(text), 4_099):
        log.text(STDERR, text[start : start + 4_099].encode())
    said = log.lines().decode()

    assert not [n for n in range(len(SECRET) - 4) if SECRET[n : n + 5] in said]


def test_what_it_takes_out_is_not_counted_twice():
    redact = Redactor([SECRET])
    log = Log(redact)
    log.text(STDERR, SECRET.encode())
    log.lines()

    assert redact.replaced.secrets == 0


def test_what_is_taken_back_is_gone_and_what_came_between_stands():
    log = Log(Redactor())
    log.text(STDOUT, b"before\n")
    since = log.count
    log.text(STDOUT, b"{\n")
    log.text(STDERR, b"beside\n")
    log.message("progress", {"message": "on"})
    log.text(STDOUT, b"half a call\n")
    log.take_back(STDOUT, since)
    log.text(STDOUT, b"behind\n")

    assert told(log) == ["stdout before", "stderr beside", "progress on", "stdout behind"]


def test_what_is_taken_back_frees_its_room_where_something_is_left_out():
    log = Log(Redactor())
    for _ in range(6):
        log.text(STDERR, b"x" * (AGENT_LOG_BYTES_MAX // 4))
    left_out = log.lines().partition(b"[... ")[2].split()[0]
    for _ in range(9):
        since = log.count
        log.text(STDOUT, b"y")
        log.take_back(STDOUT, since)

    assert log.lines().partition(b"[... ")[2].split()[0] == left_out
    assert not any(line.startswith("stdout") for line in told(log))


def test_taking_back_costs_by_what_is_taken_and_not_by_all_that_was_said():
    log = Log(Redactor())
    began = time.process_time()
    for _ in range(100_000):
        log.text(STDOUT, b"x\n")
    heard = time.process_time()
    for _ in range(300):
        log.message("progress", {})
        since = log.count
        log.text(STDOUT, b"{")
        log.take_back(STDOUT, since)

    assert time.process_time() - heard < heard - began

"""What is wrong with a program, judged from what it said and did. Pure.

1. Every breach is told, not the first alone; a consequence of one that is told already is not.
2. What a run would take without a word and still is no use to anybody (text on stdout, a message
   of no known type) is told as well: it is what its author wanted to be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError

from dsl.agent_protocol.schema import MESSAGE
from dsl.limits import AGENT_LINE_BYTES_MAX, AGENT_OUTPUT_BYTES_MAX
from dsl.values import strict_json
from dsl.values.model_faults import words_of
from dsl.values.strict_json import JsonError, NotJsonError
from integrations.agents.conformance.findings import Finding
from integrations.agents.conformance.session import Heard
from integrations.agents.contract.protocol import (
    AgentError,
    flaw_of_a_result,
    parse_message,
    parse_result,
)
from integrations.agents.contract.questions import parse_question
from integrations.redaction import Redactor

PERMANENT: Final = (64, 65, 78)  # sysexits.h: usage, data, configuration
_LINES_TOLD_MAX: Final = 3  # of one kind
_SHOWN_MAX: Final = 80  # characters
_SIGKILL: Final = -9


def judge(case: str, heard: Heard, redact: Redactor, timeout_s: float) -> list[Finding]:
    """Return what is wrong with a program that was to answer an ordinary request."""
    if heard.unstarted:
        return [Finding("start", case, heard.unstarted)]
    found = [
        *_of_lines(heard),
        # A question may end a program, which begins again with the answer.
        *(_of_questions(heard) if heard.asks else _of_results(heard, timeout_s)),
        *(("artifact", flaw) for flaw in heard.flaws),
        *_of_secrets(heard, redact),
        *_of_calls(heard),
    ]
    if heard.lingering:
        found.append(("leftovers", "it ended, and processes it had started went on"))
    return [Finding(rule, case, redact.text(seen)) for rule, seen in found]


def refused_version(case: str, heard: Heard) -> list[Finding]:
    """Return what is wrong with a program that was asked in a version nobody knows."""
    if heard.exit_code in PERMANENT and not _results(heard):
        return []
    return [Finding("version", case, f'asked with "v": 2, {_ending(heard)}')]


def took_more(case: str, heard: Heard, known: Heard) -> list[Finding]:
    """Return what is wrong with a program that was told more than it knows."""
    if [each.get("status") for each in _results(heard)] == [
        each.get("status") for each in _results(known)
    ] and heard.exit_code == known.exit_code:
        return []
    seen = f"told more than it knows, in a line of 256 KiB, {_ending(heard)}"
    return [Finding("unknown-fields", case, seen)]


def took_clarification(case: str, heard: Heard, known: Heard) -> list[Finding]:
    """Return what is wrong with a program whose plan was clarified."""
    is_taken = _results(heard) or heard.exit_code in PERMANENT or heard.asks
    if is_taken or not _results(known):  # (1) a consequence is not told
        return []
    return [Finding("clarification", case, f"asked anew with a clarified plan, {_ending(heard)}")]


def refused_inputs(case: str, heard: Heard) -> list[Finding]:
    """Return what is wrong with a program that was asked without its inputs."""
    if _results(heard) or heard.exit_code in PERMANENT:
        return []
    return [Finding("inputs", case, f"asked without its inputs, {_ending(heard)}")]


def took_sigterm(case: str, heard: Heard) -> list[Finding]:
    """Return what is wrong with a program that was told to end while it worked."""
    if not heard.stopped or heard.exit_code != _SIGKILL:
        return []
    return [Finding("sigterm", case, "half a second after SIGTERM it was at work and was killed")]


def _of_lines(heard: Heard) -> Iterator[tuple[str, str]]:
    told: dict[str, int] = {}
    for number, line in enumerate(heard.lines, 1):
        for rule, seen in _of_line(line):
            told[rule] = told.get(rule, 0) + 1
            if told[rule] <= _LINES_TOLD_MAX:
                yield rule, f"line {number} of stdout: {seen}"
    for rule, count in told.items():
        if count > _LINES_TOLD_MAX:
            yield rule, f"{count - _LINES_TOLD_MAX} more lines of stdout like that"
    if heard.too_long:
        yield "limits", f"a line is longer than {AGENT_LINE_BYTES_MAX} bytes"
    if heard.too_much:
        yield "limits", f"more than {AGENT_OUTPUT_BYTES_MAX} bytes of output"


def _of_line(line: bytes) -> Iterator[tuple[str, str]]:
    if not line.strip():
        return
    try:
        message = parse_message(line)
    except AgentError as error:
        yield "json", str(error).partition(": ")[2]
        return
    if message is None:
        yield _of_noise(line)
        return
    yield from _of_fields(message)


def _of_fields(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if message["type"] == "artifact":  # told when its file is looked at
        return
    if message["type"] == "question":
        try:
            parse_question(message)
        except AgentError as error:
            yield "message", str(error).partition(": ")[2]
        return
    try:
        MESSAGE.validate_python(message)
    except ValidationError as error:
        rule = "result" if message["type"] == "result" else "message"
        for each in error.errors(include_url=False, include_input=False):
            place = ".".join((message["type"], *(str(key) for key in each["loc"][1:])))
            yield rule, f"{place}: {words_of(each)}"


def _of_calls(heard: Heard) -> Iterator[tuple[str, str]]:
    ids = [str(each.get("id")) for each in heard.messages() if each["type"] == "tool_call"]
    for twice in sorted({each for each in ids if ids.count(each) > 1}):
        yield "tool-call", f"two calls have the id {twice[:_SHOWN_MAX]!r}"
    if len(ids) > heard.denied and _results(heard):
        yield "tool-call", "it delivers, and a call of it waits for an answer"


def _is_spoilt(line: bytes) -> bool:
    """Tell whether a line was to be the result, and is told as what it is (1)."""
    return flaw_of_a_result(line) is not None


def _of_noise(line: bytes) -> tuple[str, str]:
    shown = repr(line.decode(errors="replace").strip()[:_SHOWN_MAX])
    flaw = flaw_of_a_result(line)
    if flaw is not None:
        return "json", f"it looks like a result, but {flaw}"
    try:
        value = strict_json.read(line, bytes_max=AGENT_LINE_BYTES_MAX)
    except NotJsonError:
        return "stdout", f"no message: {shown}"
    except JsonError as error:
        return "json", f"it cannot be taken: {error}"
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str):
        return "message", f"the type {kind[:_SHOWN_MAX]!r} is not known"
    return "stdout", f"no message: {shown}"


def _of_questions(heard: Heard) -> Iterator[tuple[str, str]]:
    """Say what is wrong with a program that has ended for a question, whatever came of that."""
    if heard.asked is None:
        return
    if heard.again:
        yield "answer", f"it asks {heard.asked.id!r}, and is answered, and asks it again"
    elif heard.asked.id in heard.told:
        yield "answer", f"it asks {heard.asked.id!r}, of which its request has the answer"


def _of_results(heard: Heard, timeout_s: float) -> Iterator[tuple[str, str]]:
    messages = heard.messages()
    kinds = [each["type"] for each in messages]
    if heard.out_of_time:
        before = "it was answered on stdin, and" if heard.answered else "it"
        yield (
            "answer" if heard.answered else "ends",
            f"{before} had not ended after {timeout_s:g} s",
        )
        return
    if heard.hung_up:
        yield "first-line", f"it ended only when stdin was closed, after {timeout_s:g} s"
    if heard.quota:
        yield "sandbox", heard.quota
        return
    after = len(kinds) - 1 - kinds.index("result") if "result" in kinds else 0
    if after:
        yield "one-result", f"a {kinds[-1]} comes after the result"
    if not heard.too_long and not heard.too_much:
        yield from _of_exit(heard, messages)
    for message in messages:
        if message["type"] == "result":
            yield from _of_result(message)


def _of_exit(heard: Heard, messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    has_result = any(each["type"] == "result" for each in messages)
    if heard.exit_code == 0 and not has_result and not any(map(_is_spoilt, heard.lines)):
        yield "one-result", "it ended with 0 and without a result"
    elif heard.exit_code != 0 and (has_result or heard.exit_code not in (75, *PERMANENT)):
        told = "after its result" if has_result else "without a result"
        last = heard.stderr.decode(errors="replace").strip().rpartition("\n")[2][:_SHOWN_MAX]
        yield "exit-status", f"it {_ended(heard)} {told}" + (f"; it said: {last}" if last else "")


def _of_result(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        MESSAGE.validate_python(message)
    except ValidationError:
        return  # told with its line
    try:
        parse_result(message)
    except AgentError as error:
        yield "result", str(error).partition(": ")[2]


def _of_secrets(heard: Heard, redact: Redactor) -> Iterator[tuple[str, str]]:
    where = [
        name
        for name, said in (("stdout", b"".join(heard.lines)), ("stderr", bytes(heard.stderr)))
        if redact.found_in(said)
    ]
    if heard.leaks:
        where.append("an artifact")
    if where:
        yield "secret", f"the secret it was told stands in {' and '.join(where)}"


def _results(heard: Heard) -> list[dict[str, Any]]:
    return [each for each in heard.messages() if each["type"] == "result"]


def _ending(heard: Heard) -> str:
    said = ", ".join(f"a result {each.get('status')!r}" for each in _results(heard))
    return f"it {_ended(heard)}, with {said or 'no result'}"


def _ended(heard: Heard) -> str:
    if heard.unstarted:
        return "could not be started"
    if heard.exit_code is None:
        return "did not end"
    if heard.exit_code < 0:
        return f"was ended by signal {-heard.exit_code}"
    return f"exited with {heard.exit_code}"

"""``.mandate-review.yaml``: which findings need not be told, why, and until when.

Every mistake is told at once, with its place. The rules:

1. A suppression says of which anomalies: a kind, a rule, a path, or one fingerprint. One that says
   nothing would silence a review, so it is refused.
2. It says why, and until when: a date, at most ``DAYS_MAX`` ahead. An excuse for ever is none.
3. A path is relative to the folder that is reviewed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from dsl.document.settings_file import parse_settings
from dsl.errors import DslError, Problem
from dsl.limits import REASON_LENGTH_MAX, REVIEWED_PATH_LENGTH_MAX, SUPPRESSIONS_MAX
from dsl.review.anomaly import FINGERPRINT_PATTERN, RULE_PATTERN
from dsl.review.kinds import AnomalyKind
from dsl.review.suppression import Suppression
from dsl.stages.stage import Document

FILE: Final = ".mandate-review.yaml"
SAYS_NOTHING: Final = "DSL600"
TOO_FAR: Final = "DSL601"
NO_PATH: Final = "DSL602"
DAYS_MAX: Final = 366


def _day(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"expected a day such as 2027-03-31, got {value!r}")  # noqa: TRY004  # pydantic wants ValueError
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"expected a day such as 2027-03-31, got {value!r}") from None


_Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class SuppressionConfig(Document):
    """One entry of the file."""

    kind: AnomalyKind | None = None
    rule: Annotated[str, Field(pattern=RULE_PATTERN)] | None = None
    path: Annotated[str, Field(min_length=1, max_length=REVIEWED_PATH_LENGTH_MAX)] | None = None
    fingerprint: Annotated[str, Field(pattern=FINGERPRINT_PATTERN)] | None = None
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)
    until: _Day


class SuppressionsConfig(Document):
    """The whole file."""

    suppress: list[SuppressionConfig] = Field(max_length=SUPPRESSIONS_MAX)


def parse_suppressions(
    content: str | bytes, source: str, *, today: date
) -> tuple[Suppression, ...]:
    """Return the suppressions in ``content``, which messages call ``source``.

    Raises:
        DslError: with every mistake.
    """
    read, loaded = parse_settings(content, source, SuppressionsConfig, expected="suppress")
    problems = []
    for number, each in enumerate(read.suppress):
        for code, message, field in _mistakes(each, today):
            place = ("suppress", number, field) if field else ("suppress", number)
            problems.append(Problem(code, message, loaded.marks.value(place)))
    if problems:
        raise DslError(source, problems, loaded.text)
    return tuple(Suppression(**each.model_dump()) for each in read.suppress)


def _mistakes(each: SuppressionConfig, today: date) -> list[tuple[str, str, str]]:
    found = []
    if not (each.kind or each.rule or each.path or each.fingerprint):  # (1) would silence a review
        says = "says of no anomaly that it is meant: add kind, rule, path or fingerprint"
        found.append((SAYS_NOTHING, says, ""))
    if each.until > today + timedelta(days=DAYS_MAX):  # (2) for ever is no excuse
        says = f"expected a day within {DAYS_MAX} days, got {each.until.isoformat()}"
        found.append((TOO_FAR, says, "until"))
    if each.path is not None and (each.path.startswith("/") or ".." in each.path.split("/")):
        says = f"expected a path below the reviewed folder, got {each.path!r}"  # (3) relative
        found.append((NO_PATH, says, "path"))
    return found

"""The settings of circuit breakers: read from a file, checked, and completed by those shipped.

Every mistake is told at once, with its place, as for pipelines. A circuit that is not named has the
shipped settings, and so has whatever a named one does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from dsl.document.loader import Loaded
from dsl.document.settings_file import content_of, parse_settings
from dsl.errors import DslError, Problem
from dsl.limits import BREAKER_MS_MAX, BREAKERS_MAX
from dsl.rules.health.breaker_settings import BreakerSettings, OutOfRangeError
from dsl.stages.stage import Document
from dsl.values.circuit_names import ARTIFACTS, CIRCUIT_PATTERN, DRAGONFLY, LEDGER
from dsl.values.durations import parse_duration, render_duration

OUT_OF_RANGE: Final = "DSL521"
_USUAL: Final = BreakerSettings()
# A lease may wait for an earlier one to end, a large output is written and synced, and entries are
# committed together: none of that is slow.
SHIPPED: Final[Mapping[str, BreakerSettings]] = {
    DRAGONFLY: replace(_USUAL, slow_after_ms=30_000),
    ARTIFACTS: replace(_USUAL, slow_after_ms=20_000),
    LEDGER: replace(_USUAL, slow_after_ms=20_000),
}


def _while(value: object) -> int:
    return parse_duration(value, least=0, most=BREAKER_MS_MAX)


_Time = Annotated[int, BeforeValidator(_while)]
_CircuitName = Annotated[str, Field(pattern=CIRCUIT_PATTERN)]


class BreakerConfig(Document):
    """What a site says of one circuit; its ranges are those of ``BreakerSettings``."""

    window: _Time | None = None
    window_calls: int | None = None
    minimum_calls: int | None = None
    failure_rate: int | None = None
    slow_rate: int | None = None
    slow_after: _Time | None = None
    wait: _Time | None = None
    wait_max: _Time | None = None
    permits: int | None = None
    lease: _Time | None = None


class BreakersConfig(Document):
    """The whole file."""

    circuits: dict[_CircuitName, BreakerConfig] = Field(max_length=BREAKERS_MAX)


class BreakerBook:
    """The settings of every circuit, by its name."""

    def __init__(self, named: Mapping[str, BreakerSettings] | None = None) -> None:
        self._named = {**SHIPPED, **(named or {})}

    def of(self, name: str) -> BreakerSettings:
        """Return the settings of the circuit."""
        return self._named.get(name, _USUAL)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of circuits that have settings of their own."""
        return tuple(sorted(self._named))


def load_breakers(path: Path | None) -> BreakerBook:
    """Return the settings in the file at ``path``; None: those shipped.

    Raises:
        DslError: with every mistake; or the file cannot be read.
    """
    if path is None:
        return BreakerBook()
    return parse_breakers(content_of(path, code=OUT_OF_RANGE), str(path))


def parse_breakers(content: str | bytes, source: str) -> BreakerBook:
    """Return the settings in ``content``, which messages call ``source``.

    Raises:
        DslError: with every mistake.
    """
    read, loaded = parse_settings(content, source, BreakersConfig, expected="circuits")
    found, problems = {}, []
    for name, config in read.circuits.items():
        try:
            found[name] = _settings(SHIPPED.get(name, _USUAL), config)
        except ValueError as error:
            problems.append(_problem(loaded, name, error))
    if problems:
        raise DslError(source, problems, loaded.text)
    return BreakerBook(found)


def _settings(usual: BreakerSettings, config: BreakerConfig) -> BreakerSettings:
    said = config.model_dump(exclude_none=True)
    times = ("window", "slow_after", "wait", "wait_max", "lease")
    fields = {f"{key}_ms" if key in times else key: value for key, value in said.items()}
    if "window_calls" in fields:  # either takes the place of the window that is shipped
        fields.setdefault("window_ms", 0)
    return replace(usual, **fields)


def _problem(loaded: Loaded, name: str, error: ValueError) -> Problem:
    message, field = str(error), ""
    if isinstance(error, OutOfRangeError):
        field = error.name.removesuffix("_ms")
        numbers = (error.least, error.most, error.value)
        least, most, got = map(render_duration, numbers) if field != error.name else numbers
        message = f"{field}: expected {least} to {most}, got {got}"
    found = loaded.data["circuits"][name]
    is_said = isinstance(found, dict) and field in found
    place = ("circuits", name, field) if is_said else ("circuits", name)
    return Problem(OUT_OF_RANGE, message, loaded.marks.value(place))

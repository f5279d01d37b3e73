"""The fixtures: ``pytest_plugins = ["mandate.testing.plugin"]`` in a ``conftest.py``.

``mandate`` starts pipelines on an engine that comes up once a session, with servers of its own.

1. A string is the text of a document where it can be one, in one line as in many; else it names a
   file. A path always names a file.
2. An agent that was made up for a stage which the next pipeline that starts does not have was
   misspelled: the pipeline is not started.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

if TYPE_CHECKING:
    from integrations.agents.contract.protocol import Request
    from mandate.testing.bed import Bed, RunUnderTest

NAME_SHOWN_MAX: Final = 300
_TEXT = re.compile(r"\n|:\s|:$|^\s*[\[{]|^\s*$")  # (1) what no sensible name of a file has


class Pipelines:
    """What a test does: it makes agents up, starts pipelines, and votes."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed

    def agent(
        self,
        stage: str,
        output: Mapping[str, Any] | None = None,
        *,
        files: Mapping[str, str] | None = None,
        fails: str = "",
        does: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> None:
        """Say what the agent of a stage, by its path, puts out or does in place of its program.

        Args:
            stage: the path, such as ``checks/lint/review``.
            output: what conditions and later stages read of it.
            files: that it delivers, by name.
            fails: why its work fails, where it does.
            does: is called with the request of each phase in which a program runs.
        """
        from mandate.testing.fakes import raising, saying  # noqa: PLC0415 - only where it is used

        behaviour = does or (raising(fails) if fails else saying(output or {}))
        self._bed.agents.put(stage, behaviour, files or {})

    def start(self, pipeline: str | Path | Mapping[str, Any], **inputs: Any) -> RunUnderTest:
        """Start a pipeline: a file, the text of a document, or a document (1).

        Raises:
            dsl.errors.DslError: the document is wrong; with every mistake.
            FileNotFoundError: it is no document, and there is no such file.
            LookupError: an agent was made up for a stage that the pipeline does not have (2).
        """
        from mandate.testing.bed import started  # noqa: PLC0415

        if isinstance(pipeline, Mapping):
            text = yaml.safe_dump(dict(pipeline), sort_keys=False)
            return started(self._bed, text, "pipeline", inputs)
        if isinstance(pipeline, str) and _TEXT.search(pipeline):
            return started(self._bed, pipeline, "pipeline", inputs)
        return started(self._bed, _read(Path(pipeline)), str(pipeline), inputs)

    @property
    def asked(self) -> list[Request]:
        """What the made up agents were asked in this test, phase by phase, in order."""
        return self._bed.agents.asked

    def failure_of(self, run: RunUnderTest) -> str:
        """Wait for the end of a run that does not complete; return why not.

        Raises:
            AssertionError: it has completed.
        """
        from temporalio.client import WorkflowFailureError  # noqa: PLC0415

        try:
            report = run.result()
        except WorkflowFailureError as error:
            return str(getattr(error.cause, "message", error.cause))
        raise AssertionError(f"it has completed: {report}")


def _read(path: Path) -> bytes:
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # too long a name, or one that is none
        is_file = False
    if is_file:
        return path.read_bytes()
    raise FileNotFoundError(
        f"expected a file, the text of a document or a document: {str(path)[:NAME_SHOWN_MAX]!r} is "
        f"no file in {Path.cwd()}"
    )


@pytest.fixture(scope="session")
def mandate_bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """The engine, up for the session."""
    from mandate.testing.bed import Bed  # noqa: PLC0415 - the engine is loaded when it is needed

    bed = Bed(tmp_path_factory.mktemp("mandate") / "data")
    try:
        bed.open()
        yield bed
    finally:
        bed.close()


@pytest.fixture
def mandate(mandate_bed: Bed) -> Pipelines:
    """The engine for one test: what the test before made up is forgotten."""
    mandate_bed.agents.forget()
    return Pipelines(mandate_bed)

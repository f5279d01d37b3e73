"""``mandate review run``, for which ``mandate review`` is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mandate.cli_options import DataDir, end


def command(
    path: Annotated[Path, typer.Argument(help="The folder of a repository.")],
    *,
    since: Annotated[
        str | None, typer.Option(metavar="REF", help="Only what has changed since a commit.")
    ] = None,
    fail_on: Annotated[
        Literal["low", "medium", "high", "critical"] | None,
        typer.Option(help="End with 1 where a new finding is as bad, or worse."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="What is known: a baseline, or an earlier review.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Have all that is found known from now on.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option(help="Where to write SARIF 2.1.0.")] = None,
    page: Annotated[
        Path | None, typer.Option("-o", "--page", help="Where to write review.md.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Also what the ledger in this file says of behaviour.")
    ] = None,
    histories: Annotated[
        Path | None, typer.Option(help="Also what histories say of it, in a file or a folder.")
    ] = None,
    runs: Annotated[
        int, typer.Option(min=0, max=500, help="Also those of the engine's newest runs, so many.")
    ] = 0,
    patch: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write patches, for `git apply`.")
    ] = None,
    suggestions: Annotated[
        bool, typer.Option("--suggestions", help="Also list what is suggested, in rank.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Review a repository, of which nothing is executed; five lines say what was found."""
    from dsl.review.anomaly import AnomalySeverity
    from mandate.work.review import run

    least = None if fail_on is None else AnomalySeverity(fail_on)
    files = (baseline, write_baseline, sarif, page, ledger, patch, histories)
    asked = run.ReviewRequest(path, since, least, *files, runs, data_dir, suggestions, as_json)
    end(run.run(asked))

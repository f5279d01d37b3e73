"""``mandate gates``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end, named


def command(
    run: Annotated[
        str | None,
        typer.Argument(help="The workflow id of the one run that is meant.", callback=named),
    ] = None,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until somebody is asked; exit code 0 then.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long --wait waits; exit code 124 then.")
    ] = "1h",
    watch: Annotated[bool, typer.Option("--watch", help="Again on each change.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what waits for an answer, across all runs or at one, and how it is answered."""
    from dsl.values.durations import parse_duration
    from mandate.work.gates import gates

    if wait and watch:
        raise typer.BadParameter("give one of --wait and --watch")
    try:
        wait_ms = parse_duration(timeout) if wait else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
    end(gates.run(run, wait_ms=wait_ms, watch=watch, as_json=as_json, data_dir=data_dir))

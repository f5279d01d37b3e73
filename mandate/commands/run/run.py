"""``mandate run``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end, named


def command(
    pipeline: Annotated[str, typer.Argument(help="A name of the catalogue, or a file.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=value, may be repeated.")
    ] = None,
    *,
    workflow_id: Annotated[
        str | None,
        typer.Option("--id", help="The workflow id; default one that nobody has.", callback=named),
    ] = None,
    resume_from: Annotated[
        str | None,
        typer.Option(
            "--resume-from",
            metavar="RUN",
            help="Take what stages of that run have packaged, where nothing has changed.",
            callback=named,
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it ends.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Start a pipeline."""
    from mandate.work.run import run

    end(
        run.run(
            pipeline,
            inputs or [],
            wait=wait,
            as_json=as_json,
            workflow_id=workflow_id,
            resume_from=resume_from,
            data_dir=data_dir,
        )
    )

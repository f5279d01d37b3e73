"""The command line of runs: what there is to type to start, follow and steer them.

Kept beside ``mandate/cli.py``, of which it is a part: the commands stand at the top level.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import RUNS, AsJson, DataDir, Run, end

runs_app = typer.Typer()

RUNS_SHOWN: int = 50
_RUNS_MAX = 200  # of mandate.people.runs, which is imported at need; a test holds them equal


@runs_app.command(rich_help_panel=RUNS)
def run(
    pipeline: Annotated[str, typer.Argument(help="A name of the catalogue, or a file.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=value, may be repeated.")
    ] = None,
    *,
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="The workflow id; default one that nobody has.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it ends.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Start a pipeline."""
    from mandate.commands.run import run as command  # noqa: PLC0415 - at need

    end(
        command.run(
            pipeline,
            inputs or [],
            wait=wait,
            as_json=as_json,
            workflow_id=workflow_id,
            data_dir=data_dir,
        )
    )


@runs_app.command(rich_help_panel=RUNS)
def runs(
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=_RUNS_MAX, help="How many, newest first.")
    ] = RUNS_SHOWN,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Show the runs there are, what each is doing, and for whom it waits."""
    from mandate.commands.run import runs as command  # noqa: PLC0415 - at need

    end(command.run(limit=limit, as_json=as_json, data_dir=data_dir))


@runs_app.command(rich_help_panel=RUNS)
def watch(
    run: Run,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Follow a run until it ends; exit code 0 only when it completed."""
    from mandate.commands.run import watch as command  # noqa: PLC0415 - at need

    end(command.run(run, as_json=as_json, data_dir=data_dir))


@runs_app.command(rich_help_panel=RUNS)
def show(
    run: Run,
    is_whole: Annotated[bool, typer.Option("--all", help="Every stage, vote and output.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Print the board of a run, under way or over; the exit code is how it ended.

    0 completed, 1 failed, 3 under way, 4 rejected at a gate, 5 cancelled or terminated, 6 out of
    time, 7 an agent was revoked; 2 there is no such run.
    """
    from mandate.commands.run import show as command  # noqa: PLC0415 - at need

    end(command.run(run, is_whole=is_whole, as_json=as_json, data_dir=data_dir))


@runs_app.command(rich_help_panel=RUNS)
def logs(
    run: Run,
    stage: Annotated[
        str | None, typer.Argument(help="One stage, by its path; default all.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,  # noqa: FBT002
    data_dir: DataDir = None,
) -> None:
    """Show what agents have said, also those that failed or were stopped."""
    from mandate.commands.look import logs as command  # noqa: PLC0415 - at need

    end(command.run(run, stage, follow=follow, data_dir=data_dir))


@runs_app.command(rich_help_panel=RUNS)
def cancel(run: Run, data_dir: DataDir = None) -> None:
    """End a run: what it started is stopped, and that is recorded."""
    from mandate.commands.run import steer as command  # noqa: PLC0415 - at need

    end(command.cancel(run, data_dir=data_dir))


@runs_app.command(rich_help_panel=RUNS)
def pause(run: Run, data_dir: DataDir = None) -> None:
    """Let a run start no further stage; those at work finish."""
    from mandate.commands.run import steer as command  # noqa: PLC0415 - at need

    end(command.pause(run, data_dir=data_dir))


@runs_app.command(rich_help_panel=RUNS)
def resume(run: Run, data_dir: DataDir = None) -> None:
    """Let a run that was paused go on."""
    from mandate.commands.run import steer as command  # noqa: PLC0415 - at need

    end(command.resume(run, data_dir=data_dir))

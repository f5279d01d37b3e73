"""The command line: what there is to type, and nothing of how it is done.

Exit codes: 0 done, 1 a check or a run failed, 2 wrong usage or a refused document. A command
imports what it needs when it runs, so that ``mandate validate`` does not pay for Temporal. To add
one: its work in ``mandate/commands/<name>.py``, its words here, or in ``mandate/cli_runs.py`` where
it is about runs, in ``mandate/cli_people.py`` where somebody has to be behind it, or in
``mandate/cli_trust.py`` where it is about agents.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dsl.shown.surfaces import Terminal
from mandate import __version__
from mandate.cli_artifacts import artifacts_app
from mandate.cli_options import LOOK, OPERATE, AsJson, DataDir, LedgerFile, end
from mandate.cli_people import people_app
from mandate.cli_runs import runs_app
from mandate.cli_trust import trust_app
from mandate.stack.options import (
    DATA_DIR,
    DRAGONFLY_PORT,
    TEMPORAL_PORT,
    UI_PORT,
    VAULT_PORT,
    StackOptions,
)
from mandate.terminal import say

app = typer.Typer(
    name="mandate",
    help="Governed AI-agent pipelines on Temporal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},  # commands inherit it
)
ledger_app = typer.Typer(help="Read and verify the audit ledger.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger", rich_help_panel=LOOK)
template_app = typer.Typer(help="What agent stages may be, and more of it.", no_args_is_help=True)
app.add_typer(template_app, name="template", rich_help_panel=LOOK)
app.add_typer(artifacts_app, name="artifact", rich_help_panel=LOOK)
app.add_typer(runs_app)  # without a name: its commands are commands of ``mandate``
app.add_typer(people_app)
app.add_typer(trust_app)

_PORT = {"min": 0, "max": 65535, "help": "0 = any free one."}


def _print_version(value: bool) -> None:  # noqa: FBT001 - the signature typer calls
    if value:
        say(Terminal.of("mandate {}", __version__))
        raise typer.Exit


_VERSION = typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")


@app.callback()
def main(
    _version: Annotated[bool, _VERSION] = False,  # noqa: FBT002 - a flag
) -> None:
    """Governed AI-agent pipelines on Temporal."""


@app.command(rich_help_panel=OPERATE)
def up(
    *,
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = DATA_DIR,
    temporal_port: Annotated[int, typer.Option(**_PORT)] = TEMPORAL_PORT,
    ui_port: Annotated[int, typer.Option(**_PORT)] = UI_PORT,
    vault_port: Annotated[int, typer.Option(**_PORT)] = VAULT_PORT,
    dragonfly_port: Annotated[int, typer.Option(**_PORT)] = DRAGONFLY_PORT,
    trial: Annotated[
        bool, typer.Option("--trial", help="Lend T3 to an agent, to try a change of production.")
    ] = False,
) -> None:
    """Run servers and workers here, until Ctrl-C.

    TEMPORAL_ADDRESS, VAULT_ADDR and MANDATE_DRAGONFLY_URL name servers to use instead of our own.
    """
    from mandate.commands.operate import up as command  # noqa: PLC0415 - at need

    wanted = StackOptions(
        data_dir=data_dir,
        temporal_port=temporal_port,
        ui_port=ui_port,
        vault_port=vault_port,
        dragonfly_port=dragonfly_port,
        trial=trial,
    )
    end(command.run(wanted))


@app.command(rich_help_panel=OPERATE)
def demo(
    workspace: Annotated[
        Path | None, typer.Option(help="What is reviewed; default this checkout.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep it up until Ctrl-C.")] = False,  # noqa: FBT002
) -> None:
    """Show a governed pipeline from start to report, on a stack of its own."""
    from mandate.commands.operate import demo as command  # noqa: PLC0415

    end(command.run(workspace, keep=keep))


@app.command(rich_help_panel=LOOK)
def validate(
    files: Annotated[list[Path], typer.Argument(help="Pipeline documents.")],
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Check pipeline documents and report every problem at once."""
    from mandate.commands.look import validate as command  # noqa: PLC0415 - at need

    end(command.run(files, as_json=as_json))


@app.command("list", rich_help_panel=LOOK)
def list_(
    only_templates: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--templates", help="Only the templates, not the pipelines.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Show the pipelines that can be started by name, and what their agents may be."""
    from mandate.commands.look import listing as command  # noqa: PLC0415 - at need

    end(command.run(data_dir, only_templates=only_templates, as_json=as_json))


@template_app.command("new")
def template_new(
    name: Annotated[str, typer.Argument(help="What stages will name it.")],
    language: Annotated[str, typer.Option(help="python, typescript or shell.")] = "python",
    into: Annotated[
        Path | None, typer.Option(help="Where; default the last of MANDATE_TEMPLATES.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a working template with its program, a test, and a pipeline of one stage."""
    from mandate.commands.agents import template as command  # noqa: PLC0415 - at need

    end(command.new(name, language, into, data_dir=data_dir))


@template_app.command("show")
def template_show(
    name: Annotated[str, typer.Argument(help="As `mandate list --templates` shows it.")],
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Show what a template takes and does, and the digest of its program."""
    from mandate.commands.look import templates as command  # noqa: PLC0415 - at need

    end(command.show(name, as_json=as_json, data_dir=data_dir))


@app.command(rich_help_panel=LOOK)
def graph(
    pipeline: Annotated[str, typer.Argument(help="A name of the catalogue, or a file.")],
    mermaid: Annotated[bool, typer.Option("--mermaid", help="A Mermaid flowchart.")] = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Draw the plan of a pipeline."""
    from mandate.commands.look import graph as command  # noqa: PLC0415 - at need

    end(command.run(pipeline, mermaid=mermaid, data_dir=data_dir))


@app.command(rich_help_panel=LOOK)
def schema(
    agents: Annotated[bool, typer.Option("--agents", help="Of what agents say.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Print the JSON Schema of pipeline documents, for editors; or of the contract of agents."""
    from mandate.commands.look import schema as command  # noqa: PLC0415 - at need

    end(command.run(agents=agents))


@ledger_app.command("verify")
def ledger_verify(
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head noted earlier, which it must still hold."),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Recompute the whole chain and say whether anything was changed."""
    from integrations.ledger.noted import NotedHead  # noqa: PLC0415 - at need
    from mandate.commands.look import ledger as command  # noqa: PLC0415

    try:
        noted = None if head is None else NotedHead.parse(head)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--head") from None
    end(command.verify(command.locate(ledger, data_dir), noted, as_json=as_json))


@ledger_app.command("tail")
def ledger_tail(
    count: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many.")] = 10,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show the newest entries, oldest first."""
    from mandate.commands.look import ledger as command  # noqa: PLC0415 - at need

    end(command.tail(command.locate(ledger, data_dir), count, as_json=as_json))


@app.command(rich_help_panel=OPERATE)
def doctor(
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Check this machine and the servers, and say how to fix what fails."""
    from mandate.commands.operate import doctor as command  # noqa: PLC0415 - at need

    end(command.run(data_dir, as_json=as_json))


@app.command(rich_help_panel=OPERATE)
def install(
    token_file: Annotated[
        Path, typer.Option(help="Holds root's token, or the installer's; written for a new server.")
    ],
    roles_dir: Annotated[
        Path | None, typer.Option(help="Where to file the workers' roles.")
    ] = None,
    wrapped: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--wrapped", help="File roles that each worker must take at once.")
    ] = False,
) -> None:
    """Install policies and roles on the Vault that VAULT_ADDR names."""
    from mandate.commands.operate import install as command  # noqa: PLC0415 - at need

    end(command.run(token_file, roles_dir, wrapped=wrapped))


@app.command(rich_help_panel=OPERATE)
def worker() -> None:
    """Run one worker against the servers of the environment; MANDATE_QUEUES says which."""
    from mandate.commands.operate import worker as command  # noqa: PLC0415 - at need

    command.run()

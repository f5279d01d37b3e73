"""What several commands share: their arguments and options, and how they end.

What one command alone takes stands in its file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def named(value: Any) -> Any:
    """Refuse an empty name of a run: no server may be asked of it, and none is left out by it."""
    if "" in (value if isinstance(value, list) else [value]):
        raise typer.BadParameter("expected the workflow id of a run, got an empty one")
    return value


def _holds_stack(path: Path | None) -> Path | None:
    """Refuse a directory that was named by hand and says nothing: others would be asked instead."""
    if path is not None:
        # More than --help needs.
        from mandate.stack.environment import require_stack  # noqa: PLC0415
        from mandate.stack.errors import SettingError  # noqa: PLC0415

        try:
            require_stack(path)
        except SettingError as error:
            raise typer.BadParameter(str(error)) from None
    return path


DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of a stack; default .mandate", callback=_holds_stack),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", help="The file; default MANDATE_LEDGER, else .mandate")
]
AnchorSpecs = Annotated[
    list[str] | None,
    typer.Option(
        "--anchor", metavar="SPEC", help="dir:/PATH, git:/PATH, s3:BUCKET; else what is set"
    ),
]
LedgerKeys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY", help="NAME+ID+BASE64 or its file; else the anchors'"),
]
GivenKeys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY", help="NAME+ID+BASE64 or its file; may be repeated"),
]
Seq = Annotated[int, typer.Argument(min=0, max=2**63 - 1, help="The number of an entry.")]
Offline = Annotated[bool, typer.Option("--offline", help="Leave Temporal out.")]
Run = Annotated[str, typer.Argument(help="The workflow id of a run.", callback=named)]
Place = Annotated[
    str,
    typer.Argument(
        metavar="RUN[/STAGE]",
        help="The workflow id of a run, or of one of its stages.",
        callback=named,
    ),
]
Gate = Annotated[str, typer.Argument(help="The gate, by path, or by name where that is unique.")]
AgentId = Annotated[str, typer.Argument(metavar="ID", help="The id of an agent.")]
Circuit = Annotated[str, typer.Argument(help="As `mandate breaker list` shows it.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
Answer = Annotated[str | None, typer.Option(help="What you answer, where an agent asks.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask once more; for scripts.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until people have answered and it is done.")]


def said(reason: str, answer: str | None) -> str:
    """Return what a vote says: at a gate that asks a question, its reason is the answer."""
    if reason and answer is not None:
        raise typer.BadParameter("give one of --reason and --answer")
    return answer or reason


def end(code: int) -> None:
    """End the command with that exit code."""
    raise typer.Exit(code)

"""The command line: finds the commands there are in `mandate.commands`, and runs the one typed.

1. What is found is what is there: a room is a panel of ``--help``, a file in it a command, a folder
   in it a group of commands. See `mandate.commands` for what such a file holds.
2. Commands stand in their panel by name, groups of commands behind them.
3. Finding them reads no folder by its path: an import is enough, also from an archive.
4. A group may name the one of its commands that is usual (``USUAL``): what is none of its words is
   given to that, and help for the group begins with it, as it is typed without its word.
5. What is wrong with a word that was typed is said as everywhere else, not as a library has it.
6. An empty word where a path is wanted names nothing: ``Path`` would take it for the folder one
   is in. What no system can look at, such as a name that is too long, is no path either.
7. A word is text in UTF-8, unless it names a path: no server takes others, and what is sent of one
   would not be what was typed.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from dsl.shown.surfaces import Terminal
from mandate import __version__, commands
from mandate.terminal import say

# The panels in their order, by their rooms; a room that is new stands behind them, by its name.
PANELS: Final = {
    "operate": "Operate",
    "look": "Look",
    "run": "Runs",
    "gates": "Gates",
    "trust": "Trust",
}


def command_line(root: ModuleType) -> typer.Typer:
    """Return the command line of what is in the package ``root`` (1)."""
    made = typer.Typer(
        name="mandate",
        help="Governed AI-agent pipelines on Temporal.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},  # commands inherit it
    )
    made.callback()(_main)
    for room in sorted(_modules(root), key=_place):
        name = _word(room)
        _add(made, room, PANELS.get(name, name.capitalize()))
    return made


class _WithUsual(TyperGroup):
    """A group of commands one of which is usual (4)."""

    usual: str

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual word before what is none of the words of the group."""
        is_help = args[:1] in ([each] for each in self.get_help_option_names(ctx))
        if args and args[0] not in self.commands and not is_help:
            args = [self.usual, *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Say how the usual command is typed, then which others there are."""
        usual = self.commands[self.usual]
        usual.format_help(type(ctx)(usual, parent=ctx.parent, info_name=ctx.info_name), formatter)
        super().format_help(ctx, formatter)


class _InOurWords(TyperCommand):
    """A command that says what is wrong with its words as everything else does (5)."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed."""
        if any(not word or word.endswith("=") for word in args):  # seldom, and read twice then
            self._require_paths(ctx, args)
        try:
            rest: list[str] = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            # Not before it is wanted: it takes longer to load than most commands take.
            from pydantic import ValidationError  # noqa: PLC0415

            from dsl.values.model_faults import first_of, words_of  # noqa: PLC0415

            if isinstance(error.__cause__, ValidationError):
                error.message = words_of(first_of(error.__cause__))
            raise
        for each in self.params:
            for word in _several(ctx.params.get(str(each.name))):
                (_require_one if _takes_paths(each) else _require_text)(word, ctx, each)
        return rest

    def _require_paths(self, ctx: Any, args: list[str]) -> None:
        """Refuse an empty word where a path is wanted (6)."""
        typed = self.make_parser(ctx).parse_args(args=[*args])[0]
        for each in self._of_paths():
            if "" in _several(typed.get(each.name)):
                raise typer.BadParameter("expected a path, got none", ctx=ctx, param=each)

    def _of_paths(self) -> list[Any]:
        return [each for each in self.params if _takes_paths(each)]


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _require_one(path: Any, ctx: Any, parameter: Any) -> None:
    """Refuse what cannot be looked at; that nothing is there is no matter here (6)."""
    try:
        if path is not None:
            Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        said = f"expected a path, got one that cannot be looked at ({why})"
        raise typer.BadParameter(said, ctx=ctx, param=parameter) from None


def _require_text(word: Any, ctx: Any, parameter: Any) -> None:
    """Refuse bytes that are no text (7)."""
    try:
        str(word).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(
            f"expected text in UTF-8, got {word!r}", ctx=ctx, param=parameter
        ) from None


def _takes_paths(parameter: Any) -> bool:
    annotation = parameter.type_descriptor.annotation
    return Path in (annotation, *get_args(annotation)) or parameter.metavar == "PATH"


def _add(to: typer.Typer, package: ModuleType, panel: str | None) -> None:
    for module in _modules(package):
        if hasattr(module, "__path__"):
            usual = getattr(module, "USUAL", None)
            kind = type("_Group", (_WithUsual,), {"usual": usual}) if usual else TyperGroup
            group = typer.Typer(help=inspect.getdoc(module), no_args_is_help=True, cls=kind)
            _add(group, module, None)
            to.add_typer(group, name=_word(module), rich_help_panel=panel)
        else:
            said = to.command(_word(module), cls=_InOurWords, rich_help_panel=panel)
            said(module.command)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield what is in a package, by name (2) (3)."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        yield import_module(f"{package.__name__}.{found.name}")


def _word(module: ModuleType) -> str:
    """Return the last part of a module's name: what is typed, with hyphens between its words."""
    return module.__name__.rpartition(".")[2].replace("_", "-")


def _place(room: ModuleType) -> tuple[int, str]:
    """Return what puts the panels in order."""
    name = _word(room)
    return ([*PANELS].index(name) if name in PANELS else len(PANELS), name)


def _print_version(value: bool) -> None:  # noqa: FBT001 - the signature typer calls
    if value:
        say(Terminal.of("mandate {}", __version__))
        raise typer.Exit


_VERSION = typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")


def _main(
    _version: Annotated[bool, _VERSION] = False,  # noqa: FBT002 - a flag
) -> None:
    """Governed AI-agent pipelines on Temporal."""


app = command_line(commands)

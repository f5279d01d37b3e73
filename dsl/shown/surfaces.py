"""The doors through which text reaches people, one for each surface that shows it.

1. What is shown is a template of ours, filled by ``of``. Whatever is filled in is taken for text
   of others and made inert for that surface; only numbers, times, words of our own enumerations
   and what came through the same door already are left alone. So nobody has to remember what is
   foreign.
2. A template is a literal, never put together; a test reads the code for it. What prints, draws
   or shows takes the type of its surface, and a bare ``str`` is an error of mypy.
3. A command to copy is given only where every word of it is shown as it is.

Another surface is another class with one function, ``quote``.
"""

from __future__ import annotations

import html
import re
import shlex
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Final, Self

from dsl.shown.foreign import SHOWN_MAX, aligned, is_legible, legible

COMMAND_WORD_MAX: Final = 1_000  # characters: what the id of a workflow may have
REPORT_LINE_MAX: Final = 1_000
NO_COMMAND: Final = "no command to copy: a name in it cannot be shown as it is"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_NO_FENCE: Final = "\u02cb"
_BACKTICKS: Final = re.compile("`+")


class Surface(str):
    """Text that can be shown on one surface as it is; made by ``of``."""

    __slots__ = ()

    @classmethod
    def of(cls, template: str, /, *words: object, limit: int = SHOWN_MAX) -> Self:
        """Fill the ``{}`` of a template of ours (1), each word with ``limit`` characters at most.

        Args:
            template: a literal (2).
            words: of anybody.
            limit: of the characters of one word.
        """
        return cls(template.format(*(cls._inert(word, limit) for word in words)))

    @classmethod
    def joined(cls, separator: str, parts: Iterable[Self]) -> Self:
        """Join what is of this surface by a separator of ours."""
        return cls(separator.join(parts))

    @classmethod
    def listed(cls, words: Iterable[object], separator: str = ", ") -> Self:
        """Return words of anybody, one after the other."""
        return cls.joined(separator, (cls.of("{}", word) for word in words))

    @classmethod
    def quote(cls, text: str, limit: int) -> str:
        """Return text of others as this surface shows it and does nothing else with it."""
        raise NotImplementedError

    @classmethod
    def _inert(cls, word: object, limit: int) -> object:
        if isinstance(word, cls | int | float):
            return word
        if isinstance(word, datetime):
            return word.isoformat(timespec="seconds")
        return word.value if isinstance(word, Enum) else cls.quote(str(word), limit)


class Terminal(Surface):
    """One line at a terminal, in a log, or in a pipe."""

    __slots__ = ()

    @classmethod
    def quote(cls, text: str, limit: int) -> str:
        """Return it on one line, with nothing in it that a terminal obeys."""
        return legible(text, limit)

    @classmethod
    def command(cls, template: str, /, *words: str) -> Self:
        """Return a command line to copy, or why there is none (3)."""
        return cls(pasteable(template, *words) or NO_COMMAND)

    @classmethod
    def report(cls, text: str) -> list[Self]:
        """Return the lines of a report that marks by itself which words are whose."""
        return [cls(aligned(line, REPORT_LINE_MAX)) for line in text.split("\n")]

    @classmethod
    def excerpt(cls, lines: Iterable[str]) -> list[Self]:
        """Return lines of others behind a margin, so that none of them is taken for ours."""
        return [cls(f"  | {aligned(line, REPORT_LINE_MAX)}".rstrip()) for line in lines]


class Markdown(Surface):
    """Markdown for Temporal's Web UI.

    Text of others is a span of code: to its renderer, gomarkdown, as to CommonMark the one
    construct in which nothing else is read, and to people a frame that shows whose words these
    are. gomarkdown obeys backslashes before some characters only, and links addresses all the same.
    It must not stand in a heading, out of which ``{#…}`` is taken before spans are looked for, nor
    in bold or a link, whose end is looked for behind the first backtick. A test reads templates.
    """

    __slots__ = ()

    @classmethod
    def quote(cls, text: str, limit: int) -> str:
        """Return it as one span of code, fenced by more backticks than it holds in a row."""
        shown = legible(text, limit)
        if not shown:
            return ""
        if not shown.isascii() and any(map(_is_from_the_right, shown)):
            shown = f"\u2068{shown}\u2069"  # an isolate: it reorders itself and nothing beside it
        runs = [len(run) for run in _BACKTICKS.findall(shown)]
        fence = "`" * (max(runs, default=0) + 1)
        pad = " " if runs else ""
        return f"{fence}{pad}{shown}{pad}{fence}"

    @classmethod
    def command(cls, template: str, /, *words: str) -> Self:
        """Return a command line to copy as a block of code, or why there is none (3)."""
        line = pasteable(template, *words)
        return cls(NO_COMMAND if line is None else f"```\n{line}\n```")


class Html(Surface):
    """Text or the value of an attribute in HTML and SVG; a template keeps its attributes in quotes.

    It must not stand in a script, a style, a comment, an address or the name of an attribute. Where
    it stands beside words of ours, that is in an element of its own, which isolates its direction.
    """

    __slots__ = ()

    @classmethod
    def quote(cls, text: str, limit: int) -> str:
        """Return it on one line, with nothing in it that a browser obeys."""
        return html.escape(legible(text, limit))

    @classmethod
    def excerpt(cls, lines: Iterable[str], limit: int = REPORT_LINE_MAX) -> Self:
        """Return lines of others for a ``pre``: each keeps its columns, and is one line."""
        return cls("\n".join(html.escape(aligned(line, limit)) for line in lines))


class SlackText(Surface):
    """Slack's mrkdwn.

    Text of others is a span of code, as for ``Markdown``: nothing in it is a mention, a link or an
    emphasis. Slack reads ``<``, ``>`` and ``&`` everywhere, so they are escaped; and no fence is
    longer than one backtick, so others stand in the place of theirs.
    """

    __slots__ = ()

    @classmethod
    def quote(cls, text: str, limit: int) -> str:
        """Return it as one span of code."""
        shown = legible(text, limit).replace("`", _NO_FENCE)
        for found, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            shown = shown.replace(found, safe)
        return f"`{shown}`" if shown else ""

    @classmethod
    def command(cls, template: str, /, *words: str) -> Self:
        """Return a command line to copy as a span of code, or why there is none (3)."""
        line = pasteable(template, *words)
        if line is None or "`" in line:  # another would stand in its place
            return cls(NO_COMMAND)
        return cls(cls.quote(line, len(line)))


def _is_from_the_right(character: str) -> bool:
    return unicodedata.bidirectional(character) in _RIGHT_TO_LEFT


def pasteable(template: str, /, *words: str) -> str | None:
    """Return a command line with the words quoted for a shell; None where one cannot be (3).

    That is a word that is not shown as it is; one that the command would take for an option,
    quoted or not; and one that begins with ``=``, which ``zsh`` replaces by a path.
    """
    if any(word[:1] in ("-", "=") or not is_legible(word, COMMAND_WORD_MAX) for word in words):
        return None
    return template.format(*map(shlex.quote, words))

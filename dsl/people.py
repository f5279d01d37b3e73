r"""Names of people and of their groups: any that Vault holds, and never another than was written.

A person is known by the name of an entity of Vault, which may be ``ann+ops@example.com``,
``CORP\ann``, ``auth0|5f7c`` or ``zoë``. Whoever is named may approve, so:

1. Names are compared as they stand, character by character, as Vault compares them. Nothing is
   normalised: two spellings of one word are two entities there.
2. A name has to be read as it stands. One with characters that do not show is refused, and so are
   blanks at its ends and several in a row.
3. No message proposes another name. Who else may be meant is the author's to say.
4. What may be taken for another name is said, and let through: letters of two scripts in one word,
   letters in several parts, and names that look like each other.
5. ``group:`` in front makes it the name of a group, and so begins the name of no person.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from dsl.limits import PERSON_LENGTH_MAX
from dsl.shown.foreign import is_legible

GROUP_PREFIX: Final = "group:"

# Scripts that are written together; Latin is written in the midst of each of these.
_TOGETHER: Final = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
)
_ALIKE: Final = {"I": "l", "1": "l", "|": "l", "0": "O"}
_OF_NONE: Final = frozenset({"COMMON", "INHERITED"})
_WORD: Final = re.compile(r"[^\W_]+")
_LIST: Final = re.compile(r"[^\s,;=]+(?:[,;] +[^\s,;=]+)+")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.@+/-]*")
_YAML_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def refuse_name(name: str) -> str | None:
    """Say why ``name`` names nobody (2); None when it may. A group goes without its prefix."""
    if not name:
        return "a name has at least one character"
    if len(name) > PERSON_LENGTH_MAX:
        return f"a name has at most {PERSON_LENGTH_MAX} characters, got {len(name)}"
    if name.startswith(GROUP_PREFIX):
        return f"{GROUP_PREFIX!r} stands in front of the name of a group, and only once"
    if name.strip() != name or "  " in name:
        return "a name has no blanks at its ends, and never two in a row: nobody could count them"
    if not is_legible(name, PERSON_LENGTH_MAX):
        return f"it holds {_unseen(name)}, and a name is read as it stands"
    return None


def doubt_of(name: str) -> str | None:
    """Say why ``name`` by itself may be taken for another one (4); None: for no such reason."""
    for word in _WORD.findall(name):
        scripts = _scripts(word)
        if len(scripts) > 1 and not any(scripts <= each for each in _TOGETHER):
            listed = " and ".join(sorted(each.capitalize() for each in scripts))
            return f"mixes letters of {listed}, some of which look alike"
    if not unicodedata.is_normalized("NFC", name):
        return "is written with letters in several parts, and vault knows the other spelling apart"
    return None


def people_in(name: str) -> tuple[str, ...]:
    """Return the people that ``name`` lists, if it looks like several in one text."""
    return tuple(re.split(r"[,;] +", name)) if _LIST.fullmatch(name) else ()


def likeness(name: str) -> str:
    """Return what all names that look like ``name`` have in common (4)."""
    return "".join(map(_leader, unicodedata.normalize("NFKC", name))).casefold()


def listed(name: str) -> str:
    """Return ``name`` as one of a list: in quotes where it could be taken for two."""
    return quoted(name) if re.search(r"[\s,;\"]", name) else name


def quoted(name: str) -> str:
    """Return ``name`` in quotes, as it stands; one that cannot be read, with escapes."""
    if not is_legible(name, PERSON_LENGTH_MAX):
        return ascii(name)  # repr leaves what it takes for printable, such as U+E0100
    return f'"{name}"' if "'" in name else f"'{name}'"


def as_yaml(name: str) -> str:
    """Return ``name`` as an author writes it in a list, in quotes where YAML needs them."""
    if _PLAIN.fullmatch(name) and name.lower() not in _YAML_WORDS:
        return name
    doubled = name.replace("'", "''")
    return f"'{doubled}'"


def _unseen(name: str) -> str:
    """Name the first character that does not show as itself."""
    for character in name:
        if character != " " and not is_legible(character):
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
    return "marks that cannot be told apart"


def _scripts(word: str) -> frozenset[str]:
    from confusable_homoglyphs import categories  # noqa: PLC0415  # a megabyte, needed by few

    return frozenset(categories.unique_aliases(word)) - _OF_NONE


def _leader(letter: str) -> str:
    """Return the letter that stands for all that look like ``letter``; one of ASCII, if any."""
    from confusable_homoglyphs.confusables import confusables_data  # noqa: PLC0415

    if letter.isascii():
        return _ALIKE.get(letter, letter)
    alike = [each["c"] for each in confusables_data.get(letter, ()) if len(each["c"]) == 1]
    ascii_only = [each for each in alike if each.isascii()]
    return _leader(min(ascii_only)) if ascii_only else min([letter, *alike])

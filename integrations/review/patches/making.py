"""A patch for a suggestion, where one can be made that is sure to do what it says.

1. ruff's own fix of what was found, where ruff calls it safe. Not of the arguments of a format
   (``F50…``, ``F52…``): whether they are too many or the format holds too little, nobody knows.
2. Two more of ruff's: a variable that nothing reads goes, and what its value calls is still called
   (``F841``); a default that all calls share is made anew in each (``B006``), where its type does
   not have to change for that.
3. Of an import that nothing uses only statements go of which every name was found: what else stands
   there may be meant.
4. A bare ``except:`` becomes ``except Exception:``, so that cancellation and exits pass through.
5. ``yaml.load(x)`` with nothing else given becomes ``yaml.safe_load(x)``. With a loader named its
   author has chosen one, which is for people to judge.
6. Whatever is not certain, or no longer where it was seen, makes no patch. Nothing is written here.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dsl.limits import PATCH_LENGTH_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.remedy import Remedy
from integrations.review.lines import lines_of
from integrations.review.patches.fixes import Edit, Offer, applied, between, offers

UNUSED_IMPORT: Final = "F401"
UNUSED_VARIABLE: Final = "F841"
SHARED_DEFAULT: Final = "B006"
BARE_EXCEPT: Final = "E722"
YAML_LOAD: Final = "S506"
_RULE: Final = re.compile(r"[A-Z]{1,7}[0-9]{3,4}")  # of ruff, as it is typed
_FORMATS: Final = ("F50", "F52")
_BARE: Final = re.compile(r"except(?=\s*:)")
_LOAD: Final = re.compile(r"[A-Za-z_]\w*\.load")
# A default whose parameter has no type, or one that has None in it (2).
_MAY_BE_NONE: Final = re.compile(r"(?:(?:^|[(,])\s*\w+|\|\s*None|Optional\[.*\])\s*=\s*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a patch is to be made for."""

    remedy: Remedy
    path: str
    source: str
    anomalies: tuple[Anomaly, ...]


Choose = Callable[[Sequence[Anomaly], Sequence[Offer], Sequence[str]], Iterable[Edit] | None]


def patches_for(wanted: Sequence[Wanted]) -> list[str | None]:
    """Return the text of each file with its remedy applied; None: no patch is sure (6)."""
    can_be = [each for each in wanted if each.remedy in _CHOICES]
    rules = {rule for each in can_be for rule in _rules(each)}
    offered = offers({each.path: each.source for each in can_be}, rules) if rules else {}
    return [_patched(each, offered) for each in wanted]


def diff_of(path: str, before: str, after: str) -> str | None:
    """Return the unified diff of one file; None where it is longer than a suggestion holds."""
    # Lines as git counts them, which is who applies it.
    was, now = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
    lines = difflib.unified_diff(was, now, f"a/{path}", f"b/{path}")
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline\n" for line in lines)
    return text if len(text) <= PATCH_LENGTH_MAX else None


def _rules(each: Wanted) -> Iterator[str]:
    """Yield the rules of ruff that are asked about what was found by it, or by others."""
    if each.remedy is Remedy.LOAD_SAFELY:
        yield YAML_LOAD
    elif each.remedy is Remedy.NARROW_EXCEPT:
        yield BARE_EXCEPT
    else:
        found = (about.rule for about in each.anomalies if about.tool == "ruff")
        yield from filter(_RULE.fullmatch, found)


def _patched(each: Wanted, offered: Mapping[str, Sequence[Offer]]) -> str | None:
    choose = _CHOICES.get(each.remedy)
    lines = lines_of(each.source)
    rows = {about.place.line for about in each.anomalies}
    if choose is None or not all(0 < row <= len(lines) for row in rows):
        return None
    rules = frozenset(_rules(each))
    found = [
        offer for offer in offered.get(each.path, ()) if offer.rule in rules and offer.line in rows
    ]
    if not all(any(offer.line == row for offer in found) for row in rows):
        return None  # (6) not where it was seen
    edits = choose(each.anomalies, found, lines)
    made = None if edits is None else applied(each.source, edits)
    return None if made == each.source else made


def _of_ruff(
    anomalies: Sequence[Anomaly], found: Sequence[Offer], lines: Sequence[str]
) -> Iterable[Edit] | None:
    pairs = {(each.rule, each.place.line) for each in anomalies}
    meant = [each for each in found if (each.rule, each.line) in pairs]
    if len({(each.rule, each.line) for each in meant}) != len(pairs):
        return None
    if not all(_is_taken(each, lines) for each in meant):
        return None
    return [edit for each in meant for edit in each.edits]


def _is_taken(offer: Offer, lines: Sequence[str]) -> bool:
    if not offer.edits or offer.rule.startswith(_FORMATS):  # (1) nobody knows
        return False
    if offer.rule == SHARED_DEFAULT:  # (2) where its type does not have to change
        before = lines[offer.line - 1][: offer.start[1] - 1]
        return len(offer.edits) > 1 and _ends_so(before)
    return offer.is_safe or offer.rule == UNUSED_VARIABLE


def _ends_so(before: str) -> bool:
    return any(each.end() == len(before) for each in _MAY_BE_NONE.finditer(before))


def _of_whole_imports(
    anomalies: Sequence[Anomaly], found: Sequence[Offer], _lines: Sequence[str]
) -> Iterable[Edit] | None:
    """Return the edits of statements of which every name was found (3)."""
    wanted = Counter(each.place.line for each in anomalies)
    if Counter(each.line for each in found) != wanted or not all(each.edits for each in found):
        return None
    return [edit for each in found for edit in each.edits]


def _narrowed(
    _anomalies: Sequence[Anomaly], found: Sequence[Offer], lines: Sequence[str]
) -> Iterable[Edit] | None:
    edits = []
    for row, column in (each.start for each in found):
        word = _BARE.match(lines[row - 1], column - 1)
        if word is None:
            return None
        at = (row, word.end() + 1)
        edits.append(Edit(at, at, " Exception"))
    return edits


def _safely_loaded(
    _anomalies: Sequence[Anomaly], found: Sequence[Offer], lines: Sequence[str]
) -> Iterable[Edit] | None:
    # (5) without a loader, what ruff points at is what is called
    if not all(_LOAD.fullmatch(between(lines, each.start, each.end)) for each in found):
        return None
    return [Edit((each.line, each.end[1] - len("load")), each.end, "safe_load") for each in found]


_CHOICES: Final[dict[Remedy, Choose]] = {
    Remedy.REMOVE_UNUSED_IMPORT: _of_whole_imports,
    Remedy.REMOVE_UNUSED_VARIABLE: _of_ruff,
    Remedy.MEND_DEFECT: _of_ruff,
    Remedy.NARROW_EXCEPT: _narrowed,
    Remedy.LOAD_SAFELY: _safely_loaded,
}

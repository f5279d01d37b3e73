"""Every kind of suggestion there is, with what it says to do in a sentence.

The kinds are closed: what is learned from outcomes is learned by kind, see
``dsl.rules.review.ranking``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Remedy(StrEnum):
    """What is to be done."""

    REMOVE_UNUSED_IMPORT = "remove-unused-import"
    REMOVE_UNUSED_VARIABLE = "remove-unused-variable"
    REMOVE_DEAD_CODE = "remove-dead-code"
    NARROW_EXCEPT = "narrow-except"
    LOAD_SAFELY = "load-safely"
    CLOSE_HOLE = "close-hole"
    MEND_DEFECT = "mend-defect"
    MEND_TYPE = "mend-type"
    MEND_SYNTAX = "mend-syntax"
    BREAK_CYCLE = "break-cycle"
    KEEP_LAYERS = "keep-layers"
    SPLIT_FUNCTION = "split-function"
    SPLIT_FILE = "split-file"
    PIN_DEPENDENCY = "pin-dependency"
    DROP_DEPENDENCY = "drop-dependency"
    DECLARE_DEPENDENCY = "declare-dependency"
    UPGRADE_DEPENDENCY = "upgrade-dependency"
    ASSERT_SOMETHING = "assert-something"
    TEST_IT = "test-it"
    SETTLE_NOTE = "settle-note"
    MEND_PIPELINE = "mend-pipeline"
    NAME_APPROVERS = "name-approvers"
    PUT_SOMETHING_OUT = "put-something-out"
    LOWER_TIER = "lower-tier"
    LOOK_INTO_IT = "look-into-it"


_R = Remedy

WHAT_TO_DO: Final[Mapping[Remedy, str]] = {
    _R.REMOVE_UNUSED_IMPORT: "remove the import that nothing uses",
    _R.REMOVE_UNUSED_VARIABLE: "remove the variable that nothing reads",
    _R.REMOVE_DEAD_CODE: "remove the code that nothing uses, or say what does",
    _R.NARROW_EXCEPT: "catch what can be handled, and let cancellation and exits through",
    _R.LOAD_SAFELY: "load YAML as data: safe_load in place of load",
    _R.CLOSE_HOLE: "close the way in, or say beside it why it is none",
    _R.MEND_DEFECT: "write what was meant, and a test that fails without it",
    _R.MEND_TYPE: "make the value what its type says, or the type what the value is",
    _R.MEND_SYNTAX: "make the file readable, or take it out of the repository",
    _R.BREAK_CYCLE: "move what both need below both, so that the modules load one after the other",
    _R.KEEP_LAYERS: "reach the thing through the layer that may, or change the contract on purpose",
    _R.SPLIT_FUNCTION: "give each way through the function a function of its own",
    _R.SPLIT_FILE: "split the file by subject",
    _R.PIN_DEPENDENCY: "say which versions are meant",
    _R.DROP_DEPENDENCY: "drop the dependency that nothing imports",
    _R.DECLARE_DEPENDENCY: "declare the dependency that is imported",
    _R.UPGRADE_DEPENDENCY: "take a version without the known vulnerability",
    _R.ASSERT_SOMETHING: "assert what the test is named for",
    _R.TEST_IT: "write a test that runs it",
    _R.SETTLE_NOTE: "do what the note says, or remove it",
    _R.MEND_PIPELINE: "mend what the compiler says of the pipeline",
    _R.NAME_APPROVERS: "name people, or a group, who can answer the gate",
    _R.PUT_SOMETHING_OUT: "let the stage put out what a gate can be shown",
    _R.LOWER_TIER: "ask for the tier that the work takes",
    _R.LOOK_INTO_IT: "look at the runs it was seen in, and name the cause",
}

"""How a command of people ends where an argument is no text."""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution

from mandate.people.door import enter


def test_an_argument_that_is_no_text_is_one_sentence(capsys):
    async def asks() -> int:
        WorkflowExecution(workflow_id="run-\udcff")
        raise AssertionError("unreachable")

    assert enter("approve", asks()) == 2
    assert capsys.readouterr().err == "mandate approve: 'run-\\udcff' is no text in UTF-8\n"

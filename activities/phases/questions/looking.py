"""``agent.asks``: what does an agent ask now? Read from what the server keeps of its activity.

Anybody may tell a workflow that an agent asks; this says whether it does, and what. Nobody but a
worker writes a sign of life of an activity.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import question_specs as questions
from activities.runtime.boundary import governed
from activities.runtime.signs_of_life import asked_in, details_of


class Looking:
    """Looks as a client of Temporal; runs beside the workflows."""

    @activity.defn(name=questions.asks.name)
    @governed
    async def look(self, request: questions.AsksRequest) -> questions.Asks:
        """Return what is asked; nothing where the agent asks nothing, or is over."""
        info = activity.info()
        own = (info.workflow_id or "", info.workflow_run_id or "")
        workflow_id, run_id = (request.workflow, request.run) if request.workflow else own
        for details in await details_of(activity.client(), workflow_id, run_id):
            question = asked_in(details)
            if question is not None:
                return questions.Asks(question=question)
        return questions.Asks()

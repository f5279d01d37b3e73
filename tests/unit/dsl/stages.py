"""Stages in one line each, to be put together to documents."""

from __future__ import annotations

import re

HUMAN = "config: {approvers: [ana], identity: [verified]}"


def agent(name: str, requires: str = "", tier: int = 0, more: str = "", config: str = "") -> str:
    """Write an agent stage; ``more`` stands beside its config, ``config`` in it."""
    extra = f", {more}" if more else ""
    inner = f", {config}" if config else ""
    return (
        f"{{name: {name}, type: agent, template: default, requires: [{requires}], "
        f"config: {{tier: {tier}{inner}}}{extra}}}"
    )


def gate(name: str, config: str = HUMAN, requires: str = "") -> str:
    return f"{{name: {name}, type: gate, requires: [{requires}], {config}}}"


def parallel(name: str, *branches: str, config: str = "{}", requires: str = "") -> str:
    arms = ", ".join(f"{{name: b{n}, stages: [{arm}]}}" for n, arm in enumerate(branches))
    return (
        f"{{name: {name}, type: parallel, requires: [{requires}], "
        f"branches: [{arms}], config: {config}}}"
    )


def condition(name: str, then: str, otherwise: str = "", requires: str = "") -> str:
    arm = f", else: [{otherwise}]" if otherwise else ""
    return (
        f"{{name: {name}, type: condition, requires: [{requires}], if: 'true', "
        f"then: [{then}]{arm}}}"
    )


def stages(*each: str) -> str:
    return "\n".join(f"- {stage}" for stage in each)


def seen(*each: str) -> str:
    """Write stages behind an agent, so that each gate among them has something to approve."""
    return stages(agent("seen"), *(_STARTS.sub(r"\1requires: [seen]", stage) for stage in each))


_STARTS = re.compile(r"^(\{name: \S+, type: (?:gate|parallel|condition), )requires: \[\]")

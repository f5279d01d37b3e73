"""Stages in one line each, to be put together to documents."""

from __future__ import annotations

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

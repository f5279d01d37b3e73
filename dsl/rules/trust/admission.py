"""May this agent enter, under which name, and as what?

Asked at the start of a run and again by BOOTSTRAP. Nothing here knows a store: the caller
brings what it has seen. Every refusal is one sentence for the person who started the run;
``None`` means: nothing to object. The rules:

1. A registered plan's agents keep their names. An inline plan's get a prefix made of the
   plan's digest, so that a document anyone may send never borrows trust that was earned.
2. An instance is one run of one stage by an agent; its name is derived from workflow id,
   run id and stage path, so every attempt finds the same one.
3. T3 and T4 come from registered plans only; an inline plan asks for no more than the
   installation's inline tier.
4. No stage asks for more than the agent's identity holds.
5. An identity is bound to pipeline, template and program when first seen. Another program
   under the same name is another agent.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from dsl.core import Tier
from dsl.values.canonical import DIGEST_PATTERN

INLINE_PREFIX_PATTERN: Final = r"^inline-[0-9a-f]{12}\."
INSTANCE_SEPARATOR: Final = "~"  # no agent id holds it, so an instance is never an identity
DIGEST_DIGITS: Final = 12
REGISTER: Final = "have somebody register it: `mandate register FILE`"
INLINE_PREFIX_LENGTH: Final = len("inline-.") + DIGEST_DIGITS

_DIGEST = re.compile(DIGEST_PATTERN)
_INLINE = re.compile(INLINE_PREFIX_PATTERN)
_REBINDING = re.compile(r"(?<=`)(mandate agent rebind) [^\s`]+")


@dataclass(frozen=True, slots=True)
class Binding:
    """What an identity stands for; ``program`` is the digest of its file, if it has one."""

    pipeline: str
    template: str
    program: str | None


def agent_identity(agent: str, plan_digest: str, *, registered: bool) -> str:
    """Return the name under which ``agent`` of that plan is known everywhere.

    Raises:
        ValueError: ``plan_digest`` is not ``sha256:<64 hex>``.
    """
    if _DIGEST.fullmatch(plan_digest) is None:
        raise ValueError(f"expected a plan digest sha256:<64 hex>, got {plan_digest!r}")
    if registered:
        return agent  # (1) a registered plan's keep their names
    # (1) earned trust is not borrowed
    return f"inline-{plan_digest.removeprefix('sha256:')[:DIGEST_DIGITS]}.{agent}"


def unregistered(identity: str) -> str:
    """Return what is said of an agent that Vault does not know: it has not run yet."""
    return f"agent {identity!r} is not registered"


def is_inline(identity: str) -> bool:
    """Tell whether ``identity`` belongs to an inline plan."""
    return _INLINE.match(identity) is not None


def as_named(identity: str) -> str:
    """Return it as its plan names the agent: without what an inline plan puts before that."""
    return identity[INLINE_PREFIX_LENGTH:] if is_inline(identity) else identity


def instance_id(agent: str, workflow_id: str, run_id: str, path: str) -> str:
    """Return the name of one run of one stage by ``agent``; the same for every attempt."""
    place = f"{workflow_id}\n{run_id}\n{path}".encode()
    # (2) every attempt finds the same one
    return f"{agent}{INSTANCE_SEPARATOR}{hashlib.sha256(place).hexdigest()[:DIGEST_DIGITS]}"


def refuse_tier(requested: Tier, *, registered: bool, inline_tier: Tier) -> str | None:
    """Object to a tier that the origin of the plan does not allow."""
    if registered:
        return None
    if requested >= Tier.T3:  # (3) whatever the installation says
        return f"{requested.name} needs a registered plan, and this one is inline: {REGISTER}"
    if requested > inline_tier:  # (3) from registered plans only
        return (
            f"an inline plan may ask for {inline_tier.name} at most, and this stage asks for "
            f"{requested.name}: lower the tier, or {REGISTER}"
        )
    return None


def refuse_held(requested: Tier, held: Tier) -> str | None:
    """Object to a tier above the one the agent's identity holds."""
    if requested <= held:
        return None
    return (
        f"the stage asks for {requested.name} ({requested.title}) and the agent holds "
        f"{held.name} ({held.title}): lower the tier, or promote the agent first"
    )  # (4) no more than it holds


def rebinding_line(agent: str, pipeline: str) -> str:
    """Return the command that binds ``agent`` to what ``pipeline`` would run now, to be pasted.

    Of an inline plan nobody here knows the file: it stands in capitals.
    """
    document = "FILE" if is_inline(agent) else pipeline
    return f"mandate agent rebind {document} {agent} --reason 'a new release'"


def rebinding_by(document: str, refusal: str) -> str:
    """Return a refusal with that document, quoted for a shell, in its line that rebinds."""
    return _REBINDING.sub(lambda found: f"{found[1]} {document}", refusal)


def refuse_binding(agent: str, seen: Binding, asked: Binding) -> str | None:
    """Object to an identity that now stands for something else."""
    changes = [
        f"{field} {was or 'none'} became {now or 'none'}"
        for field, was, now in (
            ("pipeline", seen.pipeline, asked.pipeline),
            ("template", seen.template, asked.template),
            ("program", seen.program, asked.program),
        )
        if was != now
    ]
    if not changes:
        return None
    return (
        f"this agent id is bound to something else ({'; '.join(changes)}): "
        f"rebind it (`{rebinding_line(agent, asked.pipeline)}`), or give the stage another 'agent'"
    )  # (5) another program is another agent

"""A plan as people see it: a Mermaid flowchart for pages, a text tree for terminals.

Both draw the same facts in document order, so two equal plans give equal drawings. In the
flowchart an agent is a box, a gate a hexagon, a condition a rhombus; branches and arms are
frames, and an arrow means that what it points to requires where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from dsl.plan import AnyStep, Plan, children
from dsl.shown.foreign import legible
from dsl.steps.step import Shape
from dsl.values.durations import render_duration

LABEL_LENGTH_MAX: Final = 80
# Mermaid reads entities in quoted labels; everything else that it would interpret is one.
_ENTITIES: Final = {ord(char): f"#{ord(char)};" for char in '"#<>&`;\n\r\\'}


def mermaid(plan: Plan) -> str:
    """Return ``plan`` as a Mermaid flowchart."""
    return "\n".join(["flowchart TD", *_Flowchart().steps(plan.steps, 1)]) + "\n"


def outline(plan: Plan) -> list[str]:
    """Return ``plan`` as a tree of lines."""
    head = f"{plan.name} {legible(plan.version)} · {render_duration(plan.timeout_ms)}"
    return [head, *_tree(plan.steps, "")]


def describe(step: AnyStep) -> str:
    """Return what a step is, in a few words."""
    return " · ".join(map(_cut, step.facts))


class _Flowchart:
    """Numbers the nodes: a stage's name could be a word of Mermaid's own, such as ``end``."""

    def __init__(self) -> None:
        self._count = 0

    def steps(self, steps: tuple[AnyStep, ...], depth: int) -> Iterator[str]:
        nodes: dict[str, str] = {}
        for step in steps:
            nodes[step.name] = self._next()
            yield from self._step(step, nodes[step.name], depth)
        pad = "  " * depth
        for step in steps:
            for name in step.requires:
                yield f"{pad}{nodes[name]} --> {nodes[step.name]}"

    def _step(self, step: AnyStep, node: str, depth: int) -> Iterator[str]:
        pad = "  " * depth
        match step.shape:
            case Shape.BOX:
                yield f'{pad}{node}["{_label(step)}"]'
            case Shape.HEXAGON:
                yield f'{pad}{node}{{{{"{_label(step)}"}}}}'
            case Shape.FRAME:
                yield f'{pad}subgraph {node}["{_label(step)}"]'
                for arm in children(step):
                    yield from self._frame(self._next(), arm.label, arm.steps, depth + 1)
                yield f"{pad}end"
            case Shape.CHOICE:
                yield from self._choice(step, node, depth)
            case _:
                assert_never(step.shape)

    def _choice(self, step: AnyStep, node: str, depth: int) -> Iterator[str]:
        pad, question = "  " * depth, self._next()
        yield f'{pad}subgraph {node}["{_quote(step.name)}"]'
        yield f'{pad}  {question}{{"{_quote(_cut(step.decided_by or ""))}"}}'
        for label, steps in children(step):
            if steps:
                arm = self._next()
                yield from self._frame(arm, label, steps, depth + 1)
                yield f"{pad}  {question} -->|{label}| {arm}"
        yield f"{pad}end"

    def _frame(
        self, node: str, title: str, steps: tuple[AnyStep, ...], depth: int
    ) -> Iterator[str]:
        pad = "  " * depth
        yield f'{pad}subgraph {node}["{_quote(title)}"]'
        yield from self.steps(steps, depth + 1)
        yield f"{pad}end"

    def _next(self) -> str:
        self._count += 1
        return f"n{self._count}"


def _label(step: AnyStep) -> str:
    return f"{_quote(step.name)}<br/>{_quote(describe(step))}"


def _quote(text: str) -> str:
    return legible(text).translate(_ENTITIES)


def _cut(text: str) -> str:
    return legible(text, LABEL_LENGTH_MAX)


def _tree(steps: tuple[AnyStep, ...], indent: str) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        last = number == len(steps)
        after = f" · after {', '.join(step.requires)}" if step.requires else ""
        yield f"{indent}{'└─' if last else '├─'} {step.name}: {describe(step)}{after}"
        yield from _arms(step, indent + ("   " if last else "│  "))


def _arms(step: AnyStep, indent: str) -> Iterator[str]:
    arms = [arm for arm in children(step) if arm.steps]
    for number, (label, steps) in enumerate(arms, 1):
        last = number == len(arms)
        yield f"{indent}{'└─' if last else '├─'} {label}"
        yield from _tree(steps, indent + ("   " if last else "│  "))

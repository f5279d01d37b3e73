"""The declared inputs of a pipeline agree with themselves.

``DSL309`` a default or a value of ``enum`` is not of the declared type, a default is not in
``enum``, or an input has a default and is required as well.
"""

from __future__ import annotations

from dsl.checks.findings import Findings
from dsl.document.doubts import DocumentPath
from dsl.inputs import mismatch, of_clash
from dsl.models import InputSpec, Pipeline


def check_declarations(pipeline: Pipeline, findings: Findings) -> None:
    """Report declarations of inputs that no value could satisfy, or that say two things."""
    for name, spec in pipeline.inputs.items():
        _check(name, spec, ("inputs", name), findings)


def _check(name: str, spec: InputSpec, at: DocumentPath, findings: Findings) -> None:
    if findings.doubts.touch(at, "type"):
        return
    for position, value in enumerate(spec.enum or ()):
        clash = mismatch(spec.type, None, value)
        if clash is not None:
            message, hint = f"enum of input {name!r}: {clash}", of_clash(spec.type, value)
            findings.error("DSL309", message, (*at, "enum", position), hint)
    if spec.default is None:
        return
    clash = mismatch(spec.type, spec.enum, spec.default)
    if clash is not None:
        message, hint = f"default of input {name!r}: {clash}", of_clash(spec.type, spec.default)
        findings.error("DSL309", message, (*at, "default"), hint)
    if spec.required:
        findings.error(
            "DSL309",
            f"input {name!r} has a default, so it is never missing",
            (*at, "required"),
            "drop 'required' or 'default'",
        )

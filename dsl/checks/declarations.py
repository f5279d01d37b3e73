"""What a pipeline declares beside its stages agrees with itself: inputs, and who is told.

``DSL309`` a default or a value of ``enum`` is not of the declared type, a default is not in
``enum``, or an input has a default and is required as well.
``DSL650`` a destination stands twice in ``notify``, or a happening twice in its ``when``. Whether
there is such a destination is known where a run is started: the file that has them is the
operator's.
"""

from __future__ import annotations

from dsl.checks.findings import Findings
from dsl.document.doubts import DocumentPath
from dsl.inputs import mismatch, of_clash
from dsl.models import InputSpec, Pipeline


def check_declarations(pipeline: Pipeline, findings: Findings) -> None:
    """Report inputs that no value could satisfy, and what says two things."""
    _check_notify(pipeline, findings)
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


def _check_notify(pipeline: Pipeline, findings: Findings) -> None:
    """Report what is said twice: a message is sent once."""
    seen: set[str] = set()
    for number, each in enumerate(pipeline.notify):
        if each.to in seen:
            findings.error(
                "DSL650",
                f"destination {each.to!r} stands twice in notify, and is told once",
                ("notify", number, "to"),
                "put all of its 'when' into one",
            )
        seen.add(each.to)
        for place, happening in enumerate(each.when):
            if happening in each.when[:place]:
                findings.error(
                    "DSL650",
                    f"{happening!r} stands twice in when",
                    ("notify", number, "when", place),
                    "remove one",
                )

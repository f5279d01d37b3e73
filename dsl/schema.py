"""The JSON Schemas of what people write, for editors and pre-commit hooks.

They are made from the models, so they cannot promise what the parser refuses. They say less than
the parser: names, references and governance are no matter of shape. The files in ``schemas`` are
the text of ``schema_text``; a test holds them equal.
"""

from __future__ import annotations

import json
from typing import Any, Final

from dsl.chaos.experiment import Experiment
from dsl.models import Pipeline
from dsl.notify.site import NotifySite
from dsl.stages.stage import AnyStage, Document
from dsl.templates import Template
from dsl.tools.servers import ToolServer
from dsl.values.durations import PATTERN as DURATION_PATTERN
from dsl.values.durations import render_duration

# Titles repeat the name; ``discriminator`` is OpenAPI's word, which strict validators refuse.
_NOISE: Final = frozenset({"title", "discriminator"})

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER: Final = "urn:mandate:schema:pipeline:1"
TEMPLATE_IDENTIFIER: Final = "urn:mandate:schema:template:1"
EXPERIMENT_IDENTIFIER: Final = "urn:mandate:schema:experiment:1"
TOOL_SERVER_IDENTIFIER: Final = "urn:mandate:schema:tool-server:1"
NOTIFY_SITE_IDENTIFIER: Final = "urn:mandate:schema:notify-site:1"


def pipeline_schema() -> dict[str, Any]:
    """Return the schema of pipelines, in JSON Schema draft 2020-12."""
    return _schema(Pipeline, IDENTIFIER, "Mandate pipeline")


def template_schema() -> dict[str, Any]:
    """Return that of templates."""
    return _schema(Template, TEMPLATE_IDENTIFIER, "Mandate template")


def experiment_schema() -> dict[str, Any]:
    """Return that of experiments of chaos."""
    return _schema(Experiment, EXPERIMENT_IDENTIFIER, "Mandate experiment")


def tool_server_schema() -> dict[str, Any]:
    """Return that of tool servers."""
    return _schema(ToolServer, TOOL_SERVER_IDENTIFIER, "Mandate tool server")


def notify_site_schema() -> dict[str, Any]:
    """Return that of the file of destinations."""
    return _schema(NotifySite, NOTIFY_SITE_IDENTIFIER, "Mandate destinations")


def schema_text(schema: dict[str, Any]) -> str:
    """Return a schema as its file holds it."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _schema(root: type[Document], identifier: str, title: str) -> dict[str, Any]:
    schema = root.model_json_schema(by_alias=True, mode="validation")
    models = documents()
    for name, model in {root.__name__: schema, **schema["$defs"]}.items():
        for field, value in model.get("properties", {}).items():
            model["properties"][field] = _tidy(value) | _described(models[name], field)
    return schema | {"$schema": DIALECT, "$id": identifier, "title": title}


def _described(model: type[Document], field: str) -> dict[str, str]:
    """Return what the model says of a field; of a stage, else what is said of all."""
    common = AnyStage.EXPLAINED if issubclass(model, AnyStage) else {}
    return {"description": (dict(common) | dict(model.EXPLAINED))[field]}


def documents(base: type[Document] = Document) -> dict[str, type[Document]]:
    """Return the models of documents, by name."""
    models: dict[str, type[Document]] = {}
    for model in base.__subclasses__():
        models |= {model.__name__: model, **documents(model)}
    return models


def _tidy(value: Any) -> Any:
    """Drop what is noise in an editor, and write defaults as an author would."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: _tidy(item) for key, item in value.items() if key not in _NOISE}
    default = tidy.get("default")
    if tidy.get("pattern") == DURATION_PATTERN and isinstance(default, int):
        tidy["default"] = render_duration(default)
    elif default in (None, "") or isinstance(default, dict | list):
        tidy.pop("default", None)
    if "patternProperties" in tidy:  # else a key of the wrong form would hold anything
        tidy["additionalProperties"] = False
    return tidy

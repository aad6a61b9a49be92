"""The OpenRPC document of the adapter protocol, generated from its models, and the JSON Schema of reports."""

from typing import Any

from cloister import errors
from pydantic import BaseModel

from cloister_conformance import protocol
from cloister_conformance.protocol.messages import Method
from cloister_conformance.results import Report
from cloister_conformance.transcript import Transcript


def build_document() -> dict[str, Any]:
    """Build the OpenRPC document."""
    return {
        "openrpc": "1.3.2",
        "info": {"title": "cloister adapter protocol", "version": protocol.SPEC_VERSION},
        "methods": [build_method(method) for method in protocol.METHODS.values()],
    }


def build_method(method: Method) -> dict[str, Any]:
    """Build the description of one method."""
    schema = build_whole_schema(method.params)
    params = [
        {"name": name, "required": name in schema.get("required", []), "schema": member}
        for name, member in schema.get("properties", {}).items()
    ]
    return {
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "by-name",
        "tags": [{"name": method.capability or "every adapter"}],
        "params": sorted(params, key=lambda param: not param["required"]),  # OpenRPC wants required params first
        "result": {"name": "result", "schema": build_whole_schema(method.result)},
        "errors": [
            {"code": protocol.REFUSED, "message": str(getattr(errors, name).__doc__), "data": {"error": name}}
            for name in method.errors
        ],
    }


def build_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Build the JSON Schema of a model."""
    return model.model_json_schema()


def build_whole_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Build the JSON Schema of a model, those of the objects that it holds in their places."""
    schema = build_schema(model)
    models = schema.pop("$defs", {})
    whole: dict[str, Any] = put_models(schema, models)
    return whole


def put_models(value: Any, models: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
    """Put the schemas of models in the places of the references to them."""
    if isinstance(value, list):
        return [put_models(member, models) for member in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return put_models(models[value["$ref"].rpartition("/")[2]], models)
    return {name: put_models(member, models) for name, member in value.items()}


def build_report_schema() -> dict[str, Any]:
    """Build the JSON Schema of a report."""
    return build_schema(Report)


def build_transcript_schema() -> dict[str, Any]:
    """Build the JSON Schema of a transcript."""
    return build_schema(Transcript)
